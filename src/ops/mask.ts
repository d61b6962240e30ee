import * as tf from '@tensorflow/tfjs-core';

/**
 * Zeroes masked samples whatever they hold, NaN too, which a product with 0 would keep.
 *
 * @param x `[B, ...]`
 * @param mask `[B]`, 1 to keep and 0 to drop; everything is kept without one.
 * @returns The shape of `x`.
 */
export function dropMasked(x: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  if (mask === undefined) return x;
  return tf.tidy(() => {
    const column = tf.reshape(mask, [-1, ...Array<number>(x.rank - 1).fill(1)]);
    const keep = tf.cast(tf.mul(column, tf.ones(x.shape)), 'bool');
    return tf.where(keep, x, tf.zerosLike(x));
  });
}
