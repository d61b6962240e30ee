import { Slice, type SliceAttrs, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { addressOf, copyRun, defineKernel, heapFloats } from './heap.js';

function sliceRange(x: TensorInfo, attrs: SliceAttrs): { begin: number[]; size: number[] } {
  // tfjs's own helpers declare Tensor but read only the shape.
  const shaped = x as Parameters<typeof slice_util.parseSliceParams>[0];
  const [begin, size] = slice_util.parseSliceParams(shaped, attrs.begin, attrs.size);
  slice_util.assertParamsValid(shaped, begin as number[], size as number[]);
  return { begin: begin as number[], size: size as number[] };
}

/** `Slice` inside the heap. The stock kernel first copies the whole input out of it, however small the slice. */
export const slice = defineKernel<'x', SliceAttrs>(Slice, (stock) => (args) => {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  const isWord = x.dtype === 'float32' || x.dtype === 'int32';
  if (!isWord && stock) return stock(args);
  const { begin, size } = sliceRange(x, attrs);
  const out = backend.makeOutput(size, x.dtype);
  const total = util.sizeFromShape(size);
  if (total === 0) return out;
  const rank = size.length;
  // Trailing dimensions that are taken whole belong to one contiguous run.
  let split = rank - 1;
  while (split > 0 && size[split] === x.shape[split]) split--;
  const strides = [...util.computeStrides(x.shape), 1];
  const run = split < 0 ? 1 : util.sizeFromShape(size.slice(split));
  let from = addressOf(backend, x) >>> 2;
  for (let i = 0; i < rank; i++) from += (begin[i] as number) * (strides[i] as number);
  let to = addressOf(backend, out) >>> 2;
  const floats = heapFloats(backend);
  const index = new Array<number>(Math.max(split, 0)).fill(0);
  const end = to + total;
  for (;;) {
    copyRun(floats, from, to, run);
    to += run;
    if (to >= end) return out;
    for (let d = split - 1; d >= 0; d--) {
      from += strides[d] as number;
      index[d] = (index[d] as number) + 1;
      if ((index[d] as number) < (size[d] as number)) break;
      from -= (size[d] as number) * (strides[d] as number);
      index[d] = 0;
    }
  }
});
