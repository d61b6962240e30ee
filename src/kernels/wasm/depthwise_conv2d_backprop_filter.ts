import {
  type backend_util,
  DepthwiseConv2dNativeBackpropFilter,
  type DepthwiseConv2dNativeBackpropFilterAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { conv2dInfo } from './conv2d_info.js';
import { channelsOf } from './depthwise_parts.js';
import { addressOf, defineKernel, floatsAt, heapFloats, type WasmBackend } from './heap.js';
import { windowsOf, withWindows } from './windows.js';

/** The gradient for one channel of each input channel's outputs, summed over images in float64. */
function filterGradient(
  backend: WasmBackend,
  info: backend_util.Conv2DInfo,
  x: TensorInfo,
  dy: TensorInfo,
): Float64Array {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, inChannels } = info;
  const size = info.filterHeight * info.filterWidth * inChannels;
  const totals = new Float64Array(size);
  const xImage = inHeight * inWidth * inChannels * 4;
  const dyImage = outHeight * outWidth * inChannels * 4;
  const { depthwiseFilterGradient } = compiledKernels(backend);
  const bytesOf = () => size * 4;
  withWindows(backend, windowsOf(info), bytesOf, (windows, sums) => {
    const image = floatsAt(backend, sums, size);
    for (let n = 0; n < batchSize; n++) {
      image.fill(0);
      const from = addressOf(backend, x) + n * xImage;
      const slopes = addressOf(backend, dy) + n * dyImage;
      depthwiseFilterGradient(windows, from, slopes, sums);
      for (let i = 0; i < size; i++) totals[i] = totals[i]! + image[i]!;
    }
  });
  return totals;
}

/**
 * `DepthwiseConv2dNativeBackpropFilter`, which tfjs-backend-wasm lacks, by direct loops over pixels and channels.
 * float32, any stride, dilation, padding and channel multiplier.
 */
export const depthwiseConv2dBackpropFilter = defineKernel<
  'x' | 'dy',
  DepthwiseConv2dNativeBackpropFilterAttrs
>(DepthwiseConv2dNativeBackpropFilter, () => (args) => {
  const { inputs, backend, attrs } = args;
  const { x, dy } = inputs;
  const { filterShape } = attrs;
  const info = conv2dInfo(x.shape, filterShape, attrs, true);
  const multiplier = filterShape[3];
  const gradients = new Float32Array(util.sizeFromShape(filterShape));
  for (let q = 0; q < multiplier; q++) {
    const slopes = channelsOf(backend, dy, q, multiplier);
    filterGradient(backend, info, x, slopes).forEach((value, i) => {
      gradients[i * multiplier + q] = value;
    });
    if (slopes !== dy) backend.disposeData(slopes.dataId);
  }
  const out = backend.makeOutput([...filterShape], 'float32');
  heapFloats(backend).set(gradients, addressOf(backend, out) >>> 2);
  return out;
});
