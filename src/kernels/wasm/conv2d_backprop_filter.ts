import { Conv2DBackpropFilter, type Conv2DBackpropFilterAttrs } from '@tensorflow/tfjs-core';
import { checkChannelsLast, conv2dInfo } from './conv2d_info.js';
import { addressOf, defineKernel, makeZeros } from './heap.js';
import { windowsOf, withWindows } from './windows.js';
import { convolutionKernels } from './winograd.js';

/**
 * `Conv2DBackpropFilter`, which tfjs-backend-wasm lacks: the transposed windows of x times dy, or Winograd's algorithm.
 * float32, channels last, any stride and padding.
 */
export const conv2dBackpropFilter = defineKernel<'x' | 'dy', Conv2DBackpropFilterAttrs>(
  Conv2DBackpropFilter,
  () => (args) => {
    const { inputs, backend, attrs } = args;
    const { x, dy } = inputs;
    const shape = [...attrs.filterShape];
    checkChannelsLast(attrs.dataFormat);
    const info = conv2dInfo(x.shape, shape, attrs);
    if (info.batchSize * info.outHeight * info.outWidth === 0) return makeZeros(backend, shape);
    const out = backend.makeOutput(shape, 'float32');
    const geometry = windowsOf(info);
    const kernels = convolutionKernels(backend, geometry);
    withWindows(backend, geometry, kernels.filterGradientScratch, (windows, scratch) => {
      const [xAt, dyAt] = [addressOf(backend, x), addressOf(backend, dy)];
      kernels.filterGradient(windows, xAt, dyAt, addressOf(backend, out), scratch);
    });
    return out;
  },
);
