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

export interface SampleMaskOptions {
  /** Share that is dropped, in [0, 1). */
  rate: number;
  /** Random when absent. */
  seed?: number;
  /** Where in its batch the first sample stands: a part of a batch gets its part of the batch's mask. */
  firstSample?: number;
}

/**
 * A random mask as dropout multiplies by: 0 where dropped, `1 / (1 − rate)` elsewhere.
 *
 * @param shape `[m, ...]`
 */
export function dropoutMask(
  [samples, ...rest]: number[],
  { rate, seed, firstSample = 0 }: SampleMaskOptions,
): tf.Tensor {
  return tf.tidy(() => {
    const keep = 1 - rate;
    const all = [firstSample + samples!, ...rest];
    const uniform = tf.randomUniform(all, 0, 1, 'float32', seed);
    const own = firstSample === 0 ? uniform : tf.slice(uniform, firstSample, samples);
    return tf.div(tf.floor(tf.add(own, keep)), keep);
  });
}
