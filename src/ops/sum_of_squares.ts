import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from './registry.js';

const runSumOfSquares = defineOp<object>({
  kernelName: 'BtnSumOfSquares',
  composite: ([x]) => [tf.sum(tf.square(x!))],
});

/** `Σ x²` over all of a tensor, in one pass: the square of its norm, a scalar. */
export function sumOfSquares(x: tf.Tensor): tf.Scalar {
  return runSumOfSquares([x], {})[0] as tf.Scalar;
}
