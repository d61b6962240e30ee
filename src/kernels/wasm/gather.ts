import { GatherV2, type GatherV2Attrs, util } from '@tensorflow/tfjs-core';
import { ArgumentError, UnsupportedError } from '../../ops/errors.js';
import { addressOf, copyRun, defineKernel, heapInts } from './heap.js';

/** `GatherV2` without batch dimensions, by copies. The stock kernel computes an index for every element. */
export const gather = defineKernel<'x' | 'indices', GatherV2Attrs>(GatherV2, (stock) => (args) => {
  const { inputs, backend, attrs } = args;
  const { x, indices } = inputs;
  const axis = util.parseAxisParam(attrs.axis, x.shape)[0]!;
  const isPlain = x.dtype === 'float32' || x.dtype === 'int32';
  if (!isPlain || attrs.batchDims || indices.dtype !== 'int32') {
    if (stock) return stock(args);
    throw new UnsupportedError('Unsupported', `gather of ${x.dtype} needs tfjs-backend-wasm`);
  }
  const length = x.shape[axis]!;
  const outer = util.sizeFromShape(x.shape.slice(0, axis));
  const inner = util.sizeFromShape(x.shape.slice(axis + 1));
  const count = util.sizeFromShape(indices.shape);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const out = backend.makeOutput(shape, x.dtype);
  const heap = heapInts(backend);
  const [start, at] = [addressOf(backend, x) >>> 2, addressOf(backend, indices) >>> 2];
  for (let i = 0; i < count; i++) {
    const index = heap[at + i]!;
    if (!(index >= 0 && index < length)) {
      backend.disposeData(out.dataId);
      throw new ArgumentError(`GatherV2: the index value ${index} is not in [0, ${length - 1}]`);
    }
  }
  let to = addressOf(backend, out) >>> 2;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < count; i++, to += inner) {
      const from = start + (o * length + heap[at + i]!) * inner;
      copyRun(heap, from, to, inner);
    }
  }
  return out;
});
