import { UnsortedSegmentSum, type UnsortedSegmentSumAttrs } from '@tensorflow/tfjs-core';
import { addressOf, defineKernel, heapFloats, heapInts } from './heap.js';

/**
 * `UnsortedSegmentSum`, the gradient of gather and of an embedding, which tfjs-backend-wasm lacks. Rows whose segment
 * lies outside [0, numSegments) are dropped, as TensorFlow does.
 */
export const unsortedSegmentSum = defineKernel<'x' | 'segmentIds', UnsortedSegmentSumAttrs>(
  UnsortedSegmentSum,
  () => (args) => {
    const { inputs, backend, attrs } = args;
    const { x, segmentIds } = inputs;
    const { numSegments } = attrs;
    const idRank = segmentIds.shape.length;
    const rows = segmentIds.shape.reduce((product, length) => product * length, 1);
    const innerShape = x.shape.slice(idRank);
    const inner = innerShape.reduce((product, length) => product * length, 1);
    const dtype = x.dtype === 'float32' ? 'float32' : 'int32';
    const out = backend.makeOutput([numSegments, ...innerShape], dtype);
    const heap = dtype === 'float32' ? heapFloats(backend) : heapInts(backend);
    const to = addressOf(backend, out) >>> 2;
    const ids = addressOf(backend, segmentIds) >>> 2;
    const bytes = backend.wasm.HEAPU8;
    const start = addressOf(backend, x);
    heap.fill(0, to, to + numSegments * inner);
    const segments = heapInts(backend);
    for (let row = 0; row < rows; row++) {
      const segment = segments[ids + row] as number;
      if (segment < 0 || segment >= numSegments) continue;
      const target = to + segment * inner;
      if (x.dtype === 'bool') {
        const from = start + row * inner;
        for (let i = 0; i < inner; i++) {
          heap[target + i] = (heap[target + i] as number) + (bytes[from + i] as number);
        }
        continue;
      }
      const from = (start >>> 2) + row * inner;
      for (let i = 0; i < inner; i++) {
        heap[target + i] = (heap[target + i] as number) + (heap[from + i] as number);
      }
    }
    return out;
  },
);
