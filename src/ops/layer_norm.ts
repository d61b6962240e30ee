import * as tf from '@tensorflow/tfjs-core';
import { defineGradientOp, defineOp } from './registry.js';
import { toRows } from './rows.js';

interface Attrs {
  epsilon: number;
}

const runLayerNorm = defineOp<Attrs>({
  kernelName: 'BtnLayerNorm',
  composite([x, gamma, beta], { epsilon }) {
    const { normalised } = normalise(x!, epsilon);
    return [tf.reshape(tf.add(tf.mul(normalised, gamma!), beta!), x!.shape)];
  },
  gradient([dy], [x, gamma], attrs) {
    return runLayerNormGrad([dy!, x!, gamma!], attrs).map((g) => () => g);
  },
});

const runLayerNormGrad = defineGradientOp<Attrs>({
  kernelName: 'BtnLayerNormGrad',
  composite([dy, x, gamma], { epsilon }) {
    const dRows = toRows(dy!);
    const { normalised, inverse } = normalise(x!, epsilon);
    const scaled = tf.mul(dRows, gamma!);
    const along = tf.mean(tf.mul(scaled, normalised), 1, true);
    const direct = tf.sub(scaled, tf.mean(scaled, 1, true));
    const dx = tf.mul(tf.sub(direct, tf.mul(normalised, along)), inverse);
    return [tf.reshape(dx, x!.shape), tf.sum(tf.mul(dRows, normalised), 0), tf.sum(dRows, 0)];
  },
});

/**
 * Layer normalisation of the last axis.
 *
 * @param x `[..., D]`
 * @param gamma `[D]`
 * @param beta `[D]`
 * @param epsilon Added to the (biased) variance.
 * @returns The shape of `x`.
 *
 * Source: Ba et al., arXiv 1607.06450, as in PyTorch's LayerNorm.
 */
export function layerNorm(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  epsilon: number,
): tf.Tensor {
  return runLayerNorm([x, gamma, beta], { epsilon })[0]!;
}

function normalise(x: tf.Tensor, epsilon: number) {
  const rows = toRows(x);
  const centered = tf.sub(rows, tf.mean(rows, 1, true));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centered), 1, true), epsilon));
  return { normalised: tf.mul(centered, inverse), inverse };
}
