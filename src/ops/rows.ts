import * as tf from '@tensorflow/tfjs-core';

/** `[..., C]` → `[N, C]` */
export function toRows(x: tf.Tensor): tf.Tensor2D {
  return tf.reshape(x, [-1, x.shape[x.rank - 1]!]);
}
