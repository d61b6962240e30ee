/** What both gradients of a depthwise convolution share. */
import { type backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { addressOf, heapFloats, type WasmBackend } from './heap.js';

/** Sizes of a depthwise convolution with one output for each channel, as the compiled functions take them. */
export function geometryOf(info: backend_util.Conv2DInfo) {
  return [
    info.inChannels,
    info.inHeight,
    info.inWidth,
    info.outHeight,
    info.outWidth,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left,
  ] as const;
}

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
