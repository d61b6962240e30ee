import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from './registry.js';

export interface AdamUpdateAttrs {
  /** Learning rate, with both bias corrections in it. */
  rate: number;
  beta1: number;
  beta2: number;
  /** With the second moment's correction in it. */
  epsilon: number;
}

const runAdamUpdate = defineOp<AdamUpdateAttrs>({
  kernelName: 'BtnAdamUpdate',
  composite([weight, first, second, gradient], { rate, beta1, beta2, epsilon }) {
    const m = tf.add(tf.mul(first!, beta1), tf.mul(gradient!, 1 - beta1));
    const v = tf.add(tf.mul(second!, beta2), tf.mul(tf.square(gradient!), 1 - beta2));
    const move = tf.mul(tf.div(m, tf.add(tf.sqrt(v), epsilon)), rate);
    return [tf.sub(weight!, move), m, v];
  },
});

/**
 * One step of Adam on one variable: `m = β1·m + (1−β1)·g`, `v = β2·v + (1−β2)·g²`,
 * `w = w − rate · m / (√v + ε)`. All four inputs have the same shape.
 *
 * @returns The new weight and its moments.
 *
 * Source: Kingma and Ba, arXiv 1412.6980.
 */
export function adamUpdate(
  weight: tf.Tensor,
  first: tf.Tensor,
  second: tf.Tensor,
  gradient: tf.Tensor,
  attrs: AdamUpdateAttrs,
): { weight: tf.Tensor; first: tf.Tensor; second: tf.Tensor } {
  const outputs = runAdamUpdate([weight, first, second, gradient], attrs);
  return { weight: outputs[0]!, first: outputs[1]!, second: outputs[2]! };
}
