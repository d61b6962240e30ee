import {
  type backend_util,
  Conv2D,
  type Conv2DAttrs,
  FusedConv2D,
  type FusedConv2DAttrs,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { activate } from './activation.js';
import { conv2dInfo } from './conv2d_info.js';
import { addressOf, defineKernel, type WasmBackend } from './heap.js';
import { windowsOf, withWindows } from './windows.js';
import { convolutionKernels } from './winograd.js';

/** Whether ours computes this; what the stock kernel says of the rest is right. */
function isOurs(x: TensorInfo, filter: TensorInfo, format: string): boolean {
  const isFloat = x.dtype === 'float32' && filter.dtype === 'float32';
  return isFloat && format === 'NHWC';
}

function convolve(
  backend: WasmBackend,
  info: backend_util.Conv2DInfo,
  x: TensorInfo,
  filter: TensorInfo,
  bias?: TensorInfo,
): TensorInfo {
  const out = backend.makeOutput(info.outShape, 'float32');
  const geometry = windowsOf(info);
  const kernels = convolutionKernels(backend, geometry);
  withWindows(backend, geometry, kernels.convolveScratch, (windows, scratch) => {
    kernels.convolve(
      windows,
      addressOf(backend, x),
      addressOf(backend, filter),
      addressOf(backend, out),
      0,
      bias ? addressOf(backend, bias) : 0,
      scratch,
    );
  });
  return out;
}

/**
 * `Conv2D` as a matrix product that packs the windows of the image on the way, or by Winograd's algorithm. float32,
 * channels last.
 */
export const conv2d = defineKernel<'x' | 'filter', Conv2DAttrs>(Conv2D, (stock) => (args) => {
  const { inputs, backend, attrs } = args;
  const { x, filter } = inputs;
  if (stock && !isOurs(x, filter, attrs.dataFormat)) return stock(args);
  return convolve(backend, conv2dInfo(x.shape, filter.shape, attrs), x, filter);
});

type FusedInput = 'x' | 'filter' | 'bias' | 'preluActivationWeights';

/** `FusedConv2D`: {@link conv2d} that starts from a bias, then the activation. */
export const fusedConv2d = defineKernel<FusedInput, FusedConv2DAttrs>(
  FusedConv2D,
  (stock) => (args) => {
    const { inputs, backend, attrs } = args;
    const { x, filter, bias, preluActivationWeights } = inputs;
    const isBiasRow = !bias || (bias.shape.length === 1 && bias.shape[0] === filter.shape[3]);
    if (stock && !(isBiasRow && isOurs(x, filter, attrs.dataFormat))) return stock(args);
    const out = convolve(backend, conv2dInfo(x.shape, filter.shape, attrs), x, filter, bias);
    const { activation, leakyreluAlpha } = attrs;
    return activate(backend, out, activation, preluActivationWeights, leakyreluAlpha);
  },
);
