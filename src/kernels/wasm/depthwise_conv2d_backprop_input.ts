import {
  type backend_util,
  DepthwiseConv2dNativeBackpropInput,
  type DepthwiseConv2dNativeBackpropInputAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { conv2dInfo } from './conv2d_info.js';
import { channelsOf } from './depthwise_parts.js';
import { addressOf, defineKernel, heapFloats, type WasmBackend } from './heap.js';
import { windowsOf, withWindows } from './windows.js';

/** The gradient through one channel of each input channel's outputs. */
function inputGradient(
  backend: WasmBackend,
  info: backend_util.Conv2DInfo,
  dy: TensorInfo,
  filter: TensorInfo,
): TensorInfo {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, inChannels } = info;
  const dx = backend.makeOutput(info.inShape, 'float32');
  const dxImage = inHeight * inWidth * inChannels * 4;
  const dyImage = outHeight * outWidth * inChannels * 4;
  const { depthwiseInputGradient } = compiledKernels(backend);
  const bytesOf = () => 8 * info.filterHeight * info.filterWidth;
  withWindows(backend, windowsOf(info), bytesOf, (windows, taps) => {
    const [slopes, taken, to] = [dy, filter, dx].map((t) => addressOf(backend, t));
    for (let n = 0; n < batchSize; n++) {
      const [from, image] = [slopes! + n * dyImage, to! + n * dxImage];
      depthwiseInputGradient(windows, from, taken!, image, taps);
    }
  });
  return dx;
}

/**
 * `DepthwiseConv2dNativeBackpropInput`, which tfjs-backend-wasm lacks: for each input pixel the taps that meet it.
 * float32, any stride, dilation, padding and channel multiplier.
 */
export const depthwiseConv2dBackpropInput = defineKernel<
  'dy' | 'filter',
  DepthwiseConv2dNativeBackpropInputAttrs
>(DepthwiseConv2dNativeBackpropInput, () => (args) => {
  const { inputs, backend, attrs } = args;
  const { dy, filter } = inputs;
  const info = conv2dInfo(attrs.inputShape, filter.shape, attrs, true);
  const multiplier = filter.shape[3]!;
  if (multiplier === 1) return inputGradient(backend, info, dy, filter);
  const parts = Array.from({ length: multiplier }, (_, q) => {
    const [slopes, taken] = [dy, filter].map((t) => channelsOf(backend, t, q, multiplier));
    const part = inputGradient(backend, info, slopes!, taken!);
    backend.disposeData(slopes!.dataId);
    backend.disposeData(taken!.dataId);
    return part;
  });
  const [sum, ...others] = parts;
  const size = util.sizeFromShape(sum!.shape);
  const floats = heapFloats(backend);
  const to = addressOf(backend, sum!) >>> 2;
  for (const part of others) {
    const from = addressOf(backend, part) >>> 2;
    for (let i = 0; i < size; i++) floats[to + i] = floats[to + i]! + floats[from + i]!;
    backend.disposeData(part.dataId);
  }
  return sum!;
});
