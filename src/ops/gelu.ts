import * as tf from '@tensorflow/tfjs-core';
import { defineGradientOp, defineOp } from './registry.js';

const runGelu = defineOp<Record<string, never>>({
  kernelName: 'BtnGelu',
  composite: ([x]) => [tf.mul(x!, distribution(x!))],
  gradient([dy], [x]) {
    return runGeluGrad([dy!, x!], {}).map((g) => () => g);
  },
});

// Φ is computed anew: to keep it would take another array as large as x until the gradient.
const runGeluGrad = defineGradientOp<Record<string, never>>({
  kernelName: 'BtnGeluGrad',
  composite([dy, x]) {
    const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [tf.mul(dy!, tf.add(distribution(x!), tf.mul(x!, density)))];
  },
});

/** Φ of the normal distribution. */
function distribution(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}

/**
 * Gaussian error linear unit, exact: x · Φ(x) with the error function, not the tanh approximation.
 *
 * @param x Any shape.
 * @returns The shape of `x`.
 *
 * Source: Hendrycks and Gimpel, arXiv 1606.08415, as in PyTorch's GELU.
 */
export function gelu(x: tf.Tensor): tf.Tensor {
  return runGelu([x], {})[0]!;
}
