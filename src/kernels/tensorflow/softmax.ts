import * as tf from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';

/** `Softmax`: of a single value it is 1, which libtensorflow may miss by a rounding. */
export const softmax: SuppliedKernel = {
  kernelName: tf.Softmax,
  create: (stock) => (args) => {
    const { logits } = args.inputs as { logits: tf.Tensor };
    if (logits.shape.at(-1) !== 1) return (stock as tf.KernelFunc)(args);
    // NaN and infinity stay NaN.
    return tf.tidy(() => tf.add(tf.sub(logits, logits), 1));
  },
};
