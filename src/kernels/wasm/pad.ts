import { PadV2, type PadV2Attrs, util } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../ops/errors.js';
import { addressOf, copyRun, defineKernel, heapFloats, heapInts } from './heap.js';

/** Shape and offsets with the trailing dimensions that are not padded merged into one. */
function merged(shape: readonly number[], paddings: readonly [number, number][]) {
  let rank = shape.length;
  while (rank > 1 && paddings[rank - 1]!.every((n) => n === 0)) rank--;
  const inner = util.sizeFromShape(shape.slice(rank));
  return { lengths: shape.slice(0, rank), paddings: paddings.slice(0, rank), inner };
}

/** `PadV2` by copies of rows: the gradient of a slice. The stock kernel computes an index for every element. */
export const pad = defineKernel<'x', PadV2Attrs>(PadV2, (stock) => (args) => {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  const isPlain = x.dtype === 'float32' || x.dtype === 'int32';
  if (!isPlain || x.shape.length === 0) {
    if (stock) return stock(args);
    throw new UnsupportedError('Unsupported', `pad of ${x.dtype} needs tfjs-backend-wasm`);
  }
  const shape = x.shape.map((length, d) => length + attrs.paddings[d]![0] + attrs.paddings[d]![1]);
  const out = backend.makeOutput(shape, x.dtype);
  const heap = x.dtype === 'float32' ? heapFloats(backend) : heapInts(backend);
  const target = addressOf(backend, out) >>> 2;
  heap.fill(attrs.constantValue, target, target + util.sizeFromShape(shape));
  if (util.sizeFromShape(x.shape) === 0) return out;
  const { lengths, paddings, inner } = merged(x.shape, attrs.paddings);
  let from = addressOf(backend, x) >>> 2;
  const row = lengths.at(-1)! * inner;
  /** Copies the rows of dimension `d` on, of which the first element of `out` is at `to`. */
  const copyFrom = (d: number, to: number, size: number): void => {
    const step = size / (lengths[d]! + paddings[d]![0] + paddings[d]![1]);
    const start = to + paddings[d]![0] * step;
    if (d === lengths.length - 1) {
      copyRun(heap, from, start, row);
      from += row;
      return;
    }
    for (let i = 0; i < lengths[d]!; i++) copyFrom(d + 1, start + i * step, step);
  };
  copyFrom(0, target, util.sizeFromShape(shape));
  return out;
});
