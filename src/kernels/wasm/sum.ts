import {
  backend_util,
  Mean,
  type MeanAttrs,
  Sum,
  type SumAttrs,
  util,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../ops/errors.js';
import type { SuppliedKernel } from '../install.js';
import { compiledKernels } from './compiled.js';
import { addressOf, defineKernel, type WasmBackend, withScratch } from './heap.js';
import { paddedSize } from './op_kernel.js';

/** A reduction over one block of adjacent dimensions: [pre, reduced, post]. */
interface Block {
  readonly pre: number;
  readonly reduced: number;
  readonly post: number;
}

/** The block that `axes` reduce, or undefined where they are not adjacent. Dimensions of length 1 do not matter. */
function blockOf(shape: readonly number[], axes: readonly number[]): Block | undefined {
  const reduced = shape.map((length, i) => axes.includes(i) && length !== 1);
  const first = reduced.indexOf(true);
  if (first < 0) return undefined;
  const last = reduced.lastIndexOf(true);
  for (let i = first; i <= last; i++) {
    if (!reduced[i] && shape[i] !== 1) return undefined;
  }
  return {
    pre: util.sizeFromShape(shape.slice(0, first)),
    reduced: util.sizeFromShape(shape.slice(first, last + 1)),
    post: util.sizeFromShape(shape.slice(last + 1)),
  };
}

/** `out [pre, post] = scale · Σ x [pre, reduced, post]`, addresses of float32. */
function sumRows(
  backend: WasmBackend,
  x: number,
  out: number,
  { pre, reduced, post }: Block,
  scale: number,
): void {
  const { columnSums } = compiledKernels(backend);
  withScratch(backend, [3 * paddedSize(post)], (scratch) => {
    for (let p = 0; p < pre; p++) {
      const start = x + p * reduced * post * 4;
      columnSums(start, out + p * post * 4, reduced, post, scale, scratch!);
    }
  });
}

function reduction(kernelName: string, isMean: boolean): SuppliedKernel {
  return defineKernel<'x', SumAttrs & MeanAttrs>(kernelName, (stock) => (args) => {
    const { inputs, backend, attrs } = args;
    const { x } = inputs;
    const axes = util.parseAxisParam(attrs.axis, x.shape);
    const block = x.dtype === 'float32' ? blockOf(x.shape, axes) : undefined;
    if (!block || block.post < 4 || block.reduced < 4) {
      if (stock) return stock(args);
      throw new UnsupportedError(
        'Unsupported',
        `${kernelName} of a tensor [${x.shape}] needs tfjs-backend-wasm`,
      );
    }
    const [outShape] = backend_util.computeOutAndReduceShapes(x.shape, axes);
    const shape = attrs.keepDims ? backend_util.expandShapeToKeepDim(outShape, axes) : outShape;
    const out = backend.makeOutput(shape, 'float32');
    if (util.sizeFromShape(x.shape) === 0) return out;
    const scale = isMean ? 1 / block.reduced : 1;
    sumRows(backend, addressOf(backend, x), addressOf(backend, out), block, scale);
    return out;
  });
}

/** `Sum` over adjacent dimensions that are not the last, in one pass; the stock kernel transposes first. */
export const sum: SuppliedKernel = reduction(Sum, false);

/** `Mean` over adjacent dimensions that are not the last; see {@link sum}. */
export const mean: SuppliedKernel = reduction(Mean, true);
