import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from './registry.js';
import { toRows } from './rows.js';

const runAffine = defineOp<Record<string, never>>({
  kernelName: 'BtnAffine',
  /** The batch normalisation of each backend, with mean 0 and variance 1: one pass over memory. */
  composite([x, scale, shift]) {
    const channels = scale!.size;
    const rows = tf.reshape(x!, [1, 1, -1, channels]) as tf.Tensor4D;
    const [zero, one] = [tf.zeros<tf.Rank.R1>([channels]), tf.ones<tf.Rank.R1>([channels])];
    const y = tf.batchNorm4d(rows, zero, one, shift as tf.Tensor1D, scale as tf.Tensor1D, 0);
    return [tf.reshape(y, x!.shape)];
  },
  gradient([dy], [x, scale]) {
    return [
      () => affine(dy!, scale!, tf.zerosLike(scale!)),
      () => tf.sum(tf.mul(toRows(dy!), toRows(x!)), 0),
      () => tf.sum(toRows(dy!), 0),
    ];
  },
});

/**
 * `x · scale + shift`, channel by channel, in one pass over memory, where a product and a sum would
 * take two slow broadcasts.
 *
 * @param x `[..., C]`
 * @param scale `[C]`
 * @param shift `[C]`
 * @returns The shape of `x`.
 */
export function affine(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  return runAffine([x, scale, shift], {})[0]!;
}
