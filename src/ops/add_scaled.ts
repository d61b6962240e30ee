import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from './registry.js';

const runAddScaled = defineOp<{ scale: number }>({
  kernelName: 'BtnAddScaled',
  composite: ([x, y], { scale }) => [tf.add(x!, tf.mul(y!, scale))],
  gradient() {
    throw new Error('addScaled has no gradient');
  },
});

/** `x + scale · y` in one pass over two tensors of the same shape: a step of an optimizer. */
export function addScaled(x: tf.Tensor, y: tf.Tensor, scale: number): tf.Tensor {
  return runAddScaled([x, y], { scale })[0]!;
}
