import * as tf from '@tensorflow/tfjs-core';

/** Float32 as it is, other types converted. `tf.cast` copies what needs no conversion. */
export function toFloat(x: tf.Tensor): tf.Tensor {
  return x.dtype === 'float32' ? x : tf.cast(x, 'float32');
}
