import * as tf from '@tensorflow/tfjs-core';
import { affine } from './affine.js';
import { defineGradientOp, defineOp } from './registry.js';
import { toRows } from './rows.js';

interface Attrs {
  epsilon: number;
}

export interface BatchStatistics {
  /** `[..., C]`, normalised, scaled and shifted. */
  output: tf.Tensor;
  /** `[C]` */
  mean: tf.Tensor;
  /** `[C]`, biased: divided by the count. */
  variance: tf.Tensor;
}

const runBatchNorm = defineOp<Attrs>({
  kernelName: 'BtnBatchNorm',
  composite([x, gamma, beta], { epsilon }) {
    const rows = toRows(x!);
    const mean = tf.mean(rows, 0);
    const variance = tf.mean(tf.square(tf.sub(rows, mean)), 0);
    return [batchNormWith(x!, gamma!, beta!, mean, variance, epsilon), mean, variance];
  },
  saveOutputs: [false, true, true],
  gradient(dys, [x, gamma, _beta, mean, variance], attrs) {
    return runBatchNormGrad([...dys, x!, gamma!, mean!, variance!], attrs).map((g) => () => g);
  },
});

const runBatchNormGrad = defineGradientOp<Attrs>({
  kernelName: 'BtnBatchNormGrad',
  composite([dy, dMean, dVariance, x, gamma, mean, variance], { epsilon }) {
    const rows = toRows(x!);
    const dRows = toRows(dy!);
    const inverse = tf.rsqrt(tf.add(variance!, epsilon));
    const dBeta = tf.sum(dRows, 0);
    const dGamma = tf.mul(tf.sum(tf.mul(dRows, tf.sub(rows, mean!)), 0), inverse);
    // dx is affine in dy and x, channel by channel: three coefficients, few passes over memory.
    const count = rows.shape[0]!;
    const factor = tf.mul(gamma!, inverse);
    const slope = tf.div(
      tf.sub(tf.mul(dVariance!, 2), tf.mul(tf.mul(dGamma, inverse), factor)),
      count,
    );
    const offset = tf.div(tf.sub(dMean!, tf.mul(dBeta, factor)), count);
    const constant = tf.sub(offset, tf.mul(mean!, slope));
    const direct = affine(dRows, factor, constant);
    const dx = tf.add(direct, affine(rows, slope, tf.zerosLike(slope)));
    return [tf.reshape(dx, x!.shape), dGamma, dBeta];
  },
});

/**
 * Batch normalisation with the statistics of the batch, over all axes but the last.
 * Differentiable twice; so are the statistics, which running averages are made of.
 *
 * @param x `[..., C]`
 * @param gamma `[C]`
 * @param beta `[C]`
 * @param epsilon Added to the variance.
 *
 * Source: Ioffe and Szegedy, arXiv 1502.03167, as in PyTorch's BatchNorm.
 */
export function batchNorm(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  epsilon: number,
): BatchStatistics {
  const [output, mean, variance] = runBatchNorm([x, gamma, beta], { epsilon });
  return { output: output!, mean: mean!, variance: variance! };
}

/** Batch normalisation with given statistics `[C]`: an affine map of each channel. */
export function batchNormWith(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  mean: tf.Tensor,
  variance: tf.Tensor,
  epsilon: number,
): tf.Tensor {
  return tf.tidy(() => {
    const factor = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
    return affine(x, factor, tf.sub(beta, tf.mul(mean, factor)));
  });
}
