import * as tf from '@tensorflow/tfjs-core';

/**
 * `x · scale + shift`, channel by channel, in one pass over memory: the batch normalisation kernel of
 * each backend with mean 0 and variance 1, where a product and a sum would take two slow broadcasts.
 *
 * @param x `[..., C]`
 * @param scale `[C]`
 * @param shift `[C]`
 * @returns The shape of `x`.
 */
export function affine(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const channels = scale.size;
    const rows = tf.reshape(x, [1, 1, -1, channels]) as tf.Tensor4D;
    const [zero, one] = [tf.zeros<tf.Rank.R1>([channels]), tf.ones<tf.Rank.R1>([channels])];
    const y = tf.batchNorm4d(rows, zero, one, shift as tf.Tensor1D, scale as tf.Tensor1D, 0);
    return tf.reshape(y, x.shape);
  });
}
