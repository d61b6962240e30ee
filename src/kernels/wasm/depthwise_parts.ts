/** What both gradients of a depthwise convolution share. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { addressOf, heapFloats, type WasmBackend } from './heap.js';

/** Every `multiplier`-th element of the last dimensions from the q-th on; `x` itself where these are all. */
export function channelsOf(
  backend: WasmBackend,
  x: TensorInfo,
  q: number,
  multiplier: number,
): TensorInfo {
  if (multiplier === 1) return x;
  const size = util.sizeFromShape(x.shape) / multiplier;
  const out = backend.makeOutput([size], 'float32');
  const floats = heapFloats(backend);
  const to = addressOf(backend, out) >>> 2;
  const from = (addressOf(backend, x) >>> 2) + q;
  for (let i = 0; i < size; i++) floats[to + i] = floats[from + i * multiplier]!;
  return out;
}
