import {
  backend_util,
  getKernel,
  Slice,
  SplitV,
  type SplitVAttrs,
  type TensorInfo,
  Unpack,
  type UnpackAttrs,
  util,
} from '@tensorflow/tfjs-core';
import { defineKernel, type WasmBackend } from './heap.js';

function slices(
  backend: WasmBackend,
  x: TensorInfo,
  axis: number,
  lengths: readonly number[],
): TensorInfo[] {
  // Through the registry, to reach our slice and not the one that the stock kernels import.
  const { kernelFunc } = getKernel(Slice, 'wasm');
  const begin = x.shape.map(() => 0);
  return lengths.map((length) => {
    const size = x.shape.map((whole, i) => (i === axis ? length : whole));
    const attrs = { begin: [...begin], size };
    begin[axis] = (begin[axis] as number) + length;
    return kernelFunc({ inputs: { x }, backend, attrs }) as TensorInfo;
  });
}

/** `SplitV` by the slices of this folder; each slice of the stock kernel copies the whole input out of the heap. */
export const splitV = defineKernel<'x', SplitVAttrs, TensorInfo[]>(
  SplitV,
  () =>
    ({ inputs, backend, attrs }) => {
      const { x } = inputs;
      const axis = util.parseAxisParam(attrs.axis, x.shape)[0] as number;
      const lengths = backend_util.prepareSplitSize(
        x as Parameters<typeof backend_util.prepareSplitSize>[0],
        attrs.numOrSizeSplits,
        axis,
      );
      return slices(backend, x, axis, lengths);
    },
);

/** `Unpack`, the kernel of unstack, by the slices of this folder; see {@link splitV}. */
export const unpack = defineKernel<'value', UnpackAttrs, TensorInfo[]>(
  Unpack,
  () =>
    ({ inputs: { value }, backend, attrs }) => {
      const axis = util.parseAxisParam(attrs.axis, value.shape)[0] as number;
      const shape = value.shape.filter((_, i) => i !== axis);
      const lengths = new Array<number>(value.shape[axis] as number).fill(1);
      return slices(backend, value, axis, lengths).map((part) => ({ ...part, shape }));
    },
);
