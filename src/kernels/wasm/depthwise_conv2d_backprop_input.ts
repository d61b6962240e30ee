import {
  backend_util,
  DepthwiseConv2dNative,
  DepthwiseConv2dNativeBackpropInput,
  type DepthwiseConv2dNativeBackpropInputAttrs,
  getKernel,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { add, addressOf, defineKernel, heapFloats, type WasmBackend } from './heap.js';
import { inputGradient } from './transposed_convolution.js';

type Shape4D = [number, number, number, number];

/** Every `step`-th element from `first` on, as a tensor of the given shape. */
function everyNth(
  backend: WasmBackend,
  x: TensorInfo,
  first: number,
  step: number,
  shape: number[],
): TensorInfo {
  const out = backend.makeOutput(shape, 'float32');
  const size = shape.reduce((product, length) => product * length, 1);
  const floats = heapFloats(backend);
  const to = addressOf(backend, out) >>> 2;
  let from = (addressOf(backend, x) >>> 2) + first;
  for (let i = 0; i < size; i++, from += step) floats[to + i] = floats[from] as number;
  return out;
}

/**
 * `DepthwiseConv2dNativeBackpropInput`, which tfjs-backend-wasm lacks: depthwise convolutions of dy with the flipped
 * filter, one for each phase of the stride. With a channel multiplier, one such gradient for each of its channels.
 */
export const depthwiseConv2dBackpropInput = defineKernel<
  'dy' | 'filter',
  DepthwiseConv2dNativeBackpropInputAttrs
>(DepthwiseConv2dNativeBackpropInput, () => (args) => {
  const { inputs, backend, attrs } = args;
  const { strides, pad, dilations, dimRoundingMode, inputShape } = attrs;
  const [filterHeight, filterWidth, channels, multiplier] = inputs.filter.shape as Shape4D;
  const info = backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    inputs.filter.shape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  );
  const convolve = getKernel(DepthwiseConv2dNative, 'wasm').kernelFunc;
  const gradient = (dy: TensorInfo, filter: TensorInfo) =>
    inputGradient(backend, info, dy, (x, taps, padding) => {
      const phaseFilter = backend.makeOutput(
        [taps.h.length, taps.w.length, channels, 1],
        'float32',
      );
      const floats = heapFloats(backend);
      let to = addressOf(backend, phaseFilter) >>> 2;
      for (const kh of taps.h) {
        for (const kw of taps.w) {
          const from = (addressOf(backend, filter) >>> 2) + (kh * filterWidth + kw) * channels;
          floats.copyWithin(to, from, from + channels);
          to += channels;
        }
      }
      const out = convolve({
        inputs: { x, filter: phaseFilter },
        backend,
        attrs: {
          strides: 1,
          dilations: [info.dilationHeight, info.dilationWidth],
          pad: padding,
        },
      }) as TensorInfo;
      backend.disposeData(phaseFilter.dataId);
      return out;
    });
  if (multiplier === 1) return gradient(inputs.dy, inputs.filter);
  let sum: TensorInfo | undefined;
  for (let q = 0; q < multiplier; q++) {
    const dyShape = [...inputs.dy.shape.slice(0, 3), channels];
    const dy = everyNth(backend, inputs.dy, q, multiplier, dyShape);
    const filterShape = [filterHeight, filterWidth, channels, 1];
    const filter = everyNth(backend, inputs.filter, q, multiplier, filterShape);
    const part = gradient(dy, filter);
    backend.disposeData(dy.dataId);
    backend.disposeData(filter.dataId);
    if (sum === undefined) {
      sum = part;
    } else {
      const to = addressOf(backend, sum);
      const size = part.shape.reduce((product, length) => product * length, 1);
      add(backend, to, addressOf(backend, part), to, size);
      backend.disposeData(part.dataId);
    }
  }
  return sum as TensorInfo;
});
