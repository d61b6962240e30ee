import * as tf from '@tensorflow/tfjs-core';

/**
 * Keeps rows and columns 0, s, 2s, …, by reshapes and one slice: stridedSlice has no gradient, and
 * the gradient of max-pooling is wrong on some backends.
 *
 * @param x `[B, H, W, C]`
 * @param stride s
 * @returns `[B, ceil(H/s), ceil(W/s), C]`
 */
export function subsample(x: tf.Tensor4D, stride: number): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, height, width, channels] = x.shape;
    const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
    const missing = [rows * stride - height, columns * stride - width] as const;
    const whole =
      missing[0] + missing[1] === 0
        ? x
        : tf.pad(x, [
            [0, 0],
            [0, missing[0]],
            [0, missing[1]],
            [0, 0],
          ]);
    const blocks = tf.reshape(whole, [batch * rows, stride, columns, stride * channels]);
    const first = tf.slice(blocks, [0, 0, 0, 0], [batch * rows, 1, columns, channels]);
    return tf.reshape(first, [batch, rows, columns, channels]);
  });
}
