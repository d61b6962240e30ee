import {
  backend_util,
  Conv2D,
  Conv2DBackpropInput,
  type Conv2DBackpropInputAttrs,
  getKernel,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { addressOf, defineKernel, heapFloats, transposeMatrices, withScratch } from './heap.js';
import { inputGradient } from './transposed_convolution.js';

type Shape4D = [number, number, number, number];

/**
 * `Conv2DBackpropInput` as convolutions: at stride 1 one convolution of dy with the flipped filter whose channels are
 * swapped, at larger strides one for each phase. XNNPACK's convolution does ten times what the stock kernel does.
 */
export const conv2dBackpropInput = defineKernel<'dy' | 'filter', Conv2DBackpropInputAttrs>(
  Conv2DBackpropInput,
  () => (args) => {
    const { inputs, backend, attrs } = args;
    const { dy, filter } = inputs;
    const { strides, pad, dataFormat, dimRoundingMode, inputShape } = attrs;
    if (dataFormat !== undefined && dataFormat !== 'NHWC') {
      throw new Error(
        `conv2d on wasm computes in data format NHWC only, but dataFormat is ${dataFormat}`,
      );
    }
    const [filterHeight, filterWidth, inChannels, outChannels] = filter.shape as Shape4D;
    const info = backend_util.computeConv2DInfo(
      inputShape as Shape4D,
      filter.shape as Shape4D,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const conv2d = getKernel(Conv2D, 'wasm').kernelFunc;
    const matrix = inChannels * outChannels;
    let dx: TensorInfo | undefined;
    withScratch(backend, [filterHeight * filterWidth * matrix], (swapped) => {
      transposeMatrices(
        backend,
        addressOf(backend, filter),
        swapped,
        filterHeight * filterWidth,
        inChannels,
        outChannels,
      );
      dx = inputGradient(backend, info, dy, (x, taps, padding) => {
        const shape = [taps.h.length, taps.w.length, outChannels, inChannels];
        const phaseFilter = backend.makeOutput(shape, 'float32');
        const floats = heapFloats(backend);
        let to = addressOf(backend, phaseFilter) >>> 2;
        for (const kh of taps.h) {
          for (const kw of taps.w) {
            const from = (swapped >>> 2) + (kh * filterWidth + kw) * matrix;
            floats.copyWithin(to, from, from + matrix);
            to += matrix;
          }
        }
        const out = conv2d({
          inputs: { x, filter: phaseFilter },
          backend,
          attrs: { strides: 1, dilations: 1, pad: padding, dataFormat: 'NHWC' },
        }) as TensorInfo;
        backend.disposeData(phaseFilter.dataId);
        return out;
      });
    });
    return dx as TensorInfo;
  },
);
