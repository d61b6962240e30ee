import * as tf from '@tensorflow/tfjs-core';
import { toRows } from '../../ops/rows.js';
import { defineKernel } from './kernel.js';

/** `Prelu`: relu(x) + alpha · min(x, 0), half the passes of tfjs-node's. */
export const prelu = defineKernel(tf.Prelu, ([x, alpha]) =>
  tf.add(tf.relu(x!), tf.mul(tf.minimum(x!, 0), alpha!)),
);

/** `BtnPreluGrad` by libtensorflow's own gradient of the rectifier, where tfjs-node's `step` takes ten passes. */
export const preluGradient = defineKernel('BtnPreluGrad', ([dy, x, alpha], _attrs, run) => {
  const [positive] = run('ReluGrad', [dy!, x!]);
  const negative = tf.sub(dy!, positive!);
  const dx = tf.add(positive!, tf.mul(negative, alpha!));
  return [dx, tf.sum(toRows(tf.mul(negative, x!)), 0)];
});
