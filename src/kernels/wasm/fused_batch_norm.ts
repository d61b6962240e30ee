import {
  FusedBatchNorm,
  type FusedBatchNormAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../ops/errors.js';
import { normalise } from './batch_norm.js';
import { addressOf, defineKernel, floatsAt } from './heap.js';

type Statistic = 'mean' | 'variance' | 'offset' | 'scale';

/**
 * `FusedBatchNorm` with one number a channel, in one pass. The stock kernel computes an index and a square root for
 * every element.
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
      throw new UnsupportedError(
        'Unsupported',
        `batchNorm of a tensor [${x.shape}] needs tfjs-backend-wasm`,
      );
    }
    const values = (statistic: TensorInfo) =>
      floatsAt(backend, addressOf(backend, statistic), channels).slice();
    const factors = values(variance).map((v) => 1 / Math.sqrt(v + attrs.varianceEpsilon));
    if (scale) factors.set(values(scale).map((gain, c) => gain * (factors[c] as number)));
    const shifts = offset ? values(offset) : new Float32Array(channels);
    return normalise(backend, x, values(mean), factors, shifts);
  },
);
