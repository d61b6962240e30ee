import {
  FusedBatchNorm,
  type FusedBatchNormAttrs,
  FusedDepthwiseConv2D,
  getKernel,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { addressOf, defineKernel, heapFloats } from './heap.js';

type Statistic = 'mean' | 'variance' | 'offset' | 'scale';

/**
 * `FusedBatchNorm` with one number a channel: x·s + t is a depthwise convolution of size 1×1 with a bias, which
 * XNNPACK computes in one pass. The stock kernel computes an index and a square root for every element.
 */
export const fusedBatchNorm = defineKernel<'x' | Statistic, FusedBatchNormAttrs>(
  FusedBatchNorm,
  (stock) => (args) => {
    const { inputs, backend, attrs } = args;
    const { x, mean, variance } = inputs;
    // Either may be left out.
    const { offset, scale } = inputs as { offset?: TensorInfo; scale?: TensorInfo };
    const channels = x.shape.at(-1) ?? 0;
    const perChannel = [mean, variance, offset, scale].every(
      (statistic) =>
        !statistic ||
        (statistic.dtype === 'float32' &&
          statistic.shape.at(-1) === channels &&
          util.sizeFromShape(statistic.shape) === channels),
    );
    const size = util.sizeFromShape(x.shape);
    if (!perChannel || x.dtype !== 'float32' || size === 0 || x.shape.length < 2) {
      if (stock) return stock(args);
      throw new Error(`batchNorm of a tensor [${x.shape}] needs tfjs-backend-wasm`);
    }
    const filter = backend.makeOutput([1, 1, channels, 1], 'float32');
    const bias = backend.makeOutput([channels], 'float32');
    const floats = heapFloats(backend);
    const start = (tensor: TensorInfo) => addressOf(backend, tensor) >>> 2;
    const [f, b, m, v] = [start(filter), start(bias), start(mean), start(variance)];
    const s = scale && start(scale);
    const o = offset && start(offset);
    for (let c = 0; c < channels; c++) {
      const gain = s === undefined ? 1 : (floats[s + c] as number);
      const shift = o === undefined ? 0 : (floats[o + c] as number);
      const factor = gain / Math.sqrt((floats[v + c] as number) + attrs.varianceEpsilon);
      floats[f + c] = factor;
      floats[b + c] = shift - (floats[m + c] as number) * factor;
    }
    const pixels = { dataId: x.dataId, shape: [1, size / channels, 1, channels], dtype: x.dtype };
    const out = getKernel(FusedDepthwiseConv2D, 'wasm').kernelFunc({
      inputs: { x: pixels, filter, bias },
      backend,
      attrs: {
        strides: [1, 1],
        pad: 'valid',
        dataFormat: 'NHWC',
        dilations: [1, 1],
        activation: 'linear',
      },
    }) as TensorInfo;
    backend.disposeData(filter.dataId);
    backend.disposeData(bias.dataId);
    return { dataId: out.dataId, shape: x.shape, dtype: 'float32' };
  },
);
