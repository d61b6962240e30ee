import * as tf from '@tensorflow/tfjs-core';
import { affine } from './affine.js';
import { defineGradientOp, defineOp } from './registry.js';
import { toRows } from './rows.js';

const runPrelu = defineOp<Record<string, never>>({
  kernelName: 'BtnPrelu',
  composite: ([x, alpha]) => [tf.prelu(x!, alpha!)],
  gradient([dy], [x, alpha]) {
    return runPreluGrad([dy!, x!, alpha!], {}).map((g) => () => g);
  },
});

const runPreluGrad = defineGradientOp<Record<string, never>>({
  kernelName: 'BtnPreluGrad',
  composite([dy, x, alpha]) {
    const slope = affine(tf.step(x!), tf.sub(1, alpha!), alpha!);
    // min(x, 0) as x − relu(x): minimum is thirty times slower on wasm.
    const negative = tf.sub(x!, tf.relu(x!));
    return [tf.mul(dy!, slope), tf.sum(toRows(tf.mul(dy!, negative)), 0)];
  },
});

/**
 * Parametric rectifier with one slope per channel: x where x > 0, alpha · x elsewhere.
 *
 * @param x `[..., C]`
 * @param alpha `[C]`
 * @returns The shape of `x`.
 *
 * Source: He et al., arXiv 1502.01852, as in PyTorch's PReLU.
 */
export function prelu(x: tf.Tensor, alpha: tf.Tensor): tf.Tensor {
  return runPrelu([x, alpha], {})[0]!;
}
