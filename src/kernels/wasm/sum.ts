import {
  backend_util,
  Mean,
  type MeanAttrs,
  Sum,
  type SumAttrs,
  util,
} from '@tensorflow/tfjs-core';
import {
  addressOf,
  defineKernel,
  heapFloats,
  poolRows,
  type WasmBackend,
  type WasmKernel,
  withScratch,
} from './heap.js';

/** Rows that one pooling sums. Few distinct sizes keep XNNPACK's operator cache small, and short sums are exact. */
const POOLED_ROWS = 128;

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
export function sumRows(
  backend: WasmBackend,
  x: number,
  out: number,
  { pre, reduced, post }: Block,
  scale: number,
): void {
  const groups = Math.floor(reduced / POOLED_ROWS);
  withScratch(backend, [groups * post], (means) => {
    const sums = new Float64Array(post);
    for (let p = 0; p < pre; p++) {
      const start = x + p * reduced * post * 4;
      if (groups > 0) poolRows(backend, start, means, groups, POOLED_ROWS, post);
      const floats = heapFloats(backend);
      sums.fill(0);
      for (let g = 0, at = means >>> 2; g < groups; g++) {
        for (let i = 0; i < post; i++, at++) sums[i] = (sums[i] as number) + (floats[at] as number);
      }
      for (let i = 0; i < post; i++) sums[i] = (sums[i] as number) * POOLED_ROWS;
      for (let r = groups * POOLED_ROWS, at = (start >>> 2) + r * post; r < reduced; r++) {
        for (let i = 0; i < post; i++, at++) sums[i] = (sums[i] as number) + (floats[at] as number);
      }
      const to = (out >>> 2) + p * post;
      for (let i = 0; i < post; i++) floats[to + i] = (sums[i] as number) * scale;
    }
  });
}

function reduction(kernelName: string, isMean: boolean): WasmKernel {
  return defineKernel<'x', SumAttrs & MeanAttrs>(kernelName, (stock) => (args) => {
    const { inputs, backend, attrs } = args;
    const { x } = inputs;
    const axes = util.parseAxisParam(attrs.axis, x.shape);
    const block = x.dtype === 'float32' ? blockOf(x.shape, axes) : undefined;
    if (!block || block.post < 4 || block.reduced < 4) {
      if (stock) return stock(args);
      throw new Error(`${kernelName} of a tensor [${x.shape}] needs tfjs-backend-wasm`);
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

/** `Sum` over adjacent dimensions that are not the last, by XNNPACK's pooling; the stock kernel transposes first. */
export const sum: WasmKernel = reduction(Sum, false);

/** `Mean` over adjacent dimensions that are not the last; see {@link sum}. */
export const mean: WasmKernel = reduction(Mean, true);
