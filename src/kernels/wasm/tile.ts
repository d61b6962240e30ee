import { Tile, type TileAttrs, util } from '@tensorflow/tfjs-core';
import { addressOf, defineKernel, withScratch } from './heap.js';

/** Repeats each of `outer` blocks of `block` bytes `times` times, by copies that double. */
function repeatBlocks(
  heap: Uint8Array,
  from: number,
  to: number,
  outer: number,
  block: number,
  times: number,
): void {
  for (let o = 0; o < outer; o++) {
    const start = to + o * block * times;
    const total = block * times;
    heap.copyWithin(start, from + o * block, from + (o + 1) * block);
    for (let done = block; done < total; done *= 2) {
      heap.copyWithin(start + done, start, start + Math.min(done, total - done));
    }
  }
}

/** `Tile` by block copies, innermost dimension first. The stock kernel computes an index for every element. */
export const tile = defineKernel<'x', TileAttrs>(Tile, (stock) => (args) => {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  if (x.dtype === 'string' && stock) return stock(args);
  const { reps } = attrs;
  const outShape = x.shape.map((length, i) => length * (reps[i] as number));
  const out = backend.makeOutput(outShape, x.dtype);
  const bytes = x.dtype === 'bool' ? 1 : 4;
  const total = util.sizeFromShape(outShape) * bytes;
  if (total === 0) return out;
  // Steps from the inside out; a repeated dimension of length 1 merges into the step within.
  const steps: { outer: number; block: number; times: number }[] = [];
  let block = bytes;
  let outer = util.sizeFromShape(x.shape);
  for (let d = x.shape.length - 1; d >= 0; d--) {
    const length = x.shape[d] as number;
    const times = reps[d] as number;
    outer /= length;
    block *= length;
    const last = steps.at(-1);
    if (times > 1) {
      if (last && last.outer === outer) {
        last.times *= times;
      } else {
        steps.push({ outer, block, times });
      }
      block *= times;
    }
  }
  const from = addressOf(backend, x);
  const to = addressOf(backend, out);
  const intermediate = steps.slice(0, -1).map((s) => (s.outer * s.block * s.times) / bytes);
  withScratch(backend, intermediate, (...scratch) => {
    const heap = backend.wasm.HEAPU8;
    const places = [from, ...scratch, to];
    if (steps.length === 0) heap.copyWithin(to, from, from + total);
    steps.forEach((s, i) => {
      const [source, target] = [places[i] as number, places[i + 1] as number];
      repeatBlocks(heap, source, target, s.outer, s.block, s.times);
    });
  });
  return out;
});
