import {
  backend_util,
  Conv2DBackpropFilter,
  type Conv2DBackpropFilterAttrs,
} from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { addressOf, defineKernel, heapFloats } from './heap.js';
import { windowsOf, withWindows } from './windows.js';

type Shape4D = [number, number, number, number];

/**
 * `Conv2DBackpropFilter`, which tfjs-backend-wasm lacks: the transposed windows of x times dy. float32, channels last,
 * any stride and padding.
 */
export const conv2dBackpropFilter = defineKernel<'x' | 'dy', Conv2DBackpropFilterAttrs>(
  Conv2DBackpropFilter,
  () => (args) => {
    const { inputs, backend, attrs } = args;
    const { x, dy } = inputs;
    const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs;
    if (dataFormat !== undefined && dataFormat !== 'NHWC') {
      throw new Error(
        `conv2d on wasm computes in data format NHWC only, but dataFormat is ${dataFormat}`,
      );
    }
    const info = backend_util.computeConv2DInfo(
      x.shape as Shape4D,
      filterShape as Shape4D,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const out = backend.makeOutput([...filterShape], 'float32');
    const address = addressOf(backend, out);
    if (info.batchSize * info.outHeight * info.outWidth === 0) {
      const size = filterShape.reduce((product, length) => product * length, 1);
      heapFloats(backend).fill(0, address >>> 2, (address >>> 2) + size);
      return out;
    }
    const kernels = compiledKernels(backend);
    withWindows(backend, windowsOf(info), kernels.filterGradientScratch, (windows, scratch) => {
      const [xAt, dyAt] = [addressOf(backend, x), addressOf(backend, dy)];
      kernels.filterGradient(windows, xAt, dyAt, address, scratch);
    });
    return out;
  },
);
