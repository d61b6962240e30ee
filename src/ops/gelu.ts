import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from './registry.js';

const runGelu = defineOp<Record<string, never>>({
  kernelName: 'BtnGelu',
  composite([x]) {
    const cdf = tf.mul(tf.add(tf.erf(tf.mul(x!, Math.SQRT1_2)), 1), 0.5);
    return [tf.mul(x!, cdf), cdf];
  },
  // Φ is kept: the error function is the slowest part on wasm.
  saveOutputs: [false, true],
  gradient([dy, dCdf], [x, cdf]) {
    return [
      () => {
        const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return tf.add(tf.mul(dy!, cdf!), tf.mul(tf.add(tf.mul(dy!, x!), dCdf!), density));
      },
    ];
  },
});

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
