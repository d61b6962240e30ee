import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from './registry.js';

const runAddScaled = defineOp<{ scale: number; keep: number }>({
  kernelName: 'BtnAddScaled',
  composite: ([x, y], { scale, keep }) => [tf.add(tf.mul(x!, keep), tf.mul(y!, scale))],
});

/**
 * `keep · x + scale · y` in one pass over two tensors of the same shape: a step of an optimizer or of a running
 * average. It has no gradient.
 *
 * @param keep Default 1.
 */
export function addScaled(x: tf.Tensor, y: tf.Tensor, scale: number, keep = 1): tf.Tensor {
  return runAddScaled([x, y], { scale, keep })[0]!;
}
