import {
  type backend_util,
  Conv2DBackpropInput,
  type Conv2DBackpropInputAttrs,
} from '@tensorflow/tfjs-core';
import { checkChannelsLast, conv2dInfo } from './conv2d_info.js';
import { addressOf, defineKernel } from './heap.js';
import { type Phase, phasesOf } from './phases.js';
import { type Windows, withWindows } from './windows.js';
import { convolutionKernels } from './winograd.js';

/** The windows that the input positions of one phase see of the output gradient, with the filter flipped. */
function phaseWindows(info: backend_util.Conv2DInfo, v: Phase, h: Phase): Windows {
  const { strideHeight, strideWidth } = info;
  return {
    height: info.outHeight,
    width: info.outWidth,
    channels: info.outChannels,
    batch: info.batchSize,
    gridHeight: v.count,
    gridWidth: h.count,
    strideHeight: 1,
    strideWidth: 1,
    padTop: v.before,
    padLeft: h.before,
    tapRows: v.taps,
    tapColumns: h.taps,
    dilationHeight: 1,
    dilationWidth: 1,
    outHeight: info.inHeight,
    outWidth: info.inWidth,
    outTop: v.first,
    outLeft: h.first,
    outStepHeight: strideHeight,
    outStepWidth: strideWidth,
    filterWidth: info.filterWidth,
    filterTop: v.tap + strideHeight * (v.taps - 1),
    filterLeft: h.tap + strideWidth * (h.taps - 1),
    filterStepHeight: -strideHeight,
    filterStepWidth: -strideWidth,
    outChannels: info.inChannels,
  };
}

/**
 * `Conv2DBackpropInput`: a stride-1 convolution of dy for each phase of the stride, in place. Phases that no filter tap
 * meets become zeros. float32, channels last, any stride and padding.
 */
export const conv2dBackpropInput = defineKernel<'dy' | 'filter', Conv2DBackpropInputAttrs>(
  Conv2DBackpropInput,
  () => (args) => {
    const { inputs, backend, attrs } = args;
    const { dy, filter } = inputs;
    checkChannelsLast(attrs.dataFormat);
    const info = conv2dInfo(attrs.inputShape, filter.shape, attrs);
    const { inHeight, inWidth, filterHeight, filterWidth, strideHeight, strideWidth } = info;
    const { top, left } = info.padInfo;
    const dx = backend.makeOutput(info.inShape, 'float32');
    for (const v of phasesOf(inHeight, filterHeight, strideHeight, top)) {
      for (const h of phasesOf(inWidth, filterWidth, strideWidth, left)) {
        const phase = phaseWindows(info, v, h);
        const kernels = convolutionKernels(backend, phase);
        withWindows(backend, phase, kernels.convolveScratch, (windows, scratch) => {
          const [dyAt, filterAt] = [addressOf(backend, dy), addressOf(backend, filter)];
          kernels.convolve(windows, dyAt, filterAt, addressOf(backend, dx), 1, 0, scratch);
        });
      }
    }
    return dx;
  },
);
