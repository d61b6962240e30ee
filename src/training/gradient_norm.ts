import * as tf from '@tensorflow/tfjs-core';
import { sumOfSquares } from '../ops/sum_of_squares.js';

/** The norm of all tensors together, as if they were one. */
export async function globalNorm(tensors: readonly tf.Tensor[]): Promise<number> {
  const norm = tf.tidy(() => tf.sqrt(tf.addN(tensors.map((tensor) => sumOfSquares(tensor)))));
  const [value] = await norm.data();
  norm.dispose();
  return value!;
}
