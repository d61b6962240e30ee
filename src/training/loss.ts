import * as tf from '@tensorflow/tfjs-core';

/** Logits `[B, C]` of a BTN; without batch transformer there is only `vit`. */
export interface BtnOutputs {
  vit: tf.Tensor2D;
  bt?: tf.Tensor2D;
  cba?: tf.Tensor2D;
}

/** Scalars, each the mean over the batch. */
export interface BtnLoss {
  total: tf.Scalar;
  vit: tf.Scalar;
  bt?: tf.Scalar;
  cba?: tf.Scalar;
}

/**
 * The training loss `λ·CE(vit) + CE(bt) + CE(cba)`.
 *
 * @param outputs Logits.
 * @param labels `[B]` int32, classes from 0 on.
 * @param lambda λ, default 1.
 *
 * Source: Her et al., IEEE Access 13 (2025). Provenance: published form; λ is not published.
 */
export function btnLoss(outputs: BtnOutputs, labels: tf.Tensor1D, lambda = 1): BtnLoss {
  const targets = tf.oneHot(labels, outputs.vit.shape[1]!);
  const vit = crossEntropy(outputs.vit, targets);
  const weighted = tf.mul(vit, lambda) as tf.Scalar;
  if (!outputs.bt || !outputs.cba) return { total: weighted, vit };
  const bt = crossEntropy(outputs.bt, targets);
  const cba = crossEntropy(outputs.cba, targets);
  return { total: tf.add(weighted, tf.add(bt, cba)), vit, bt, cba };
}

/** Softmax cross-entropy, mean over the batch. `logits` and one-hot `targets` are `[B, C]`. */
export function crossEntropy(logits: tf.Tensor2D, targets: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const perClass = tf.mul(tf.cast(targets, 'float32'), tf.logSoftmax(logits));
    return tf.neg(tf.mean(tf.sum(perClass, 1)));
  }) as tf.Scalar;
}
