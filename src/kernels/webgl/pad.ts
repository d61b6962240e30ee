import * as tf from '@tensorflow/tfjs-core';

/** A zero behind the end of one axis. */
export function withZero(x: tf.Tensor, axis: number): tf.Tensor {
  return tf.pad(
    x,
    x.shape.map((_, i) => [0, i === axis ? 1 : 0]),
  );
}
