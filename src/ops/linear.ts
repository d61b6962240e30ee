import * as tf from '@tensorflow/tfjs-core';

/**
 * Affine map of the last axis: `x · kernel + bias`.
 *
 * @param x `[..., I]`
 * @param kernel `[I, O]`
 * @param bias `[O]`, or none.
 * @returns `[..., O]`
 */
export function linear(x: tf.Tensor, kernel: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [inputs, outputs] = kernel.shape as [number, number];
    const product = tf.matMul(tf.reshape(x, [-1, inputs]), kernel as tf.Tensor2D);
    const shifted = bias ? tf.add(product, bias) : product;
    return tf.reshape(shifted, [...x.shape.slice(0, -1), outputs]);
  });
}
