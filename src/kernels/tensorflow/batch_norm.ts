import * as tf from '@tensorflow/tfjs-core';
import { toRows } from '../../ops/rows.js';
import { defineKernel, isUnusedCotangent } from './kernel.js';

interface Attrs {
  readonly epsilon: number;
}

const attributes = ({ epsilon }: Attrs) => ({ epsilon, data_format: 'NHWC', is_training: true });

/** `[..., C]` as the four axes that libtensorflow asks for. */
const asImage = (x: tf.Tensor) => tf.reshape(x, [-1, 1, 1, x.shape.at(-1)!]);

/** `BtnBatchNorm`: statistics and output by one op of libtensorflow. */
export const batchNorm = defineKernel<Attrs>('BtnBatchNorm', ([x, gamma, beta], attrs, run) => {
  const unused = tf.tensor1d([]);
  const inputs = [asImage(x!), gamma!, beta!, unused, unused];
  const [y, mean, unbiased] = run('FusedBatchNormV3', inputs, attributes(attrs), 6);
  const count = x!.size / gamma!.size;
  return [tf.reshape(y!, x!.shape), mean!, tf.mul(unbiased!, (count - 1) / count)];
});

/** `BtnBatchNormGrad`: one op of libtensorflow, and another pass where the statistics have cotangents. */
export const batchNormGradient = defineKernel<Attrs>(
  'BtnBatchNormGrad',
  ([dy, dMean, dVariance, x, gamma, mean, variance], attrs, run) => {
    const inputs = [asImage(dy!), asImage(x!), gamma!, mean!, variance!, tf.tensor1d([])];
    const [direct, dGamma, dBeta] = run('FusedBatchNormGradV3', inputs, attributes(attrs), 5);
    const dx = tf.reshape(direct!, x!.shape);
    if (isUnusedCotangent(dMean!) && isUnusedCotangent(dVariance!)) return [dx, dGamma!, dBeta!];
    const count = x!.size / gamma!.size;
    const centred = tf.sub(toRows(x!), mean!);
    const statistics = tf.div(tf.add(tf.mul(centred, tf.mul(dVariance!, 2)), dMean!), count);
    return [tf.add(dx, tf.reshape(statistics, x!.shape)), dGamma!, dBeta!];
  },
);
