import * as tf from '@tensorflow/tfjs-core';

/** Independent attentions `weights · value`, G of them side by side. */
export interface AttentionParts {
  /** `[G, N, M]`, the softmax of the scores over the keys; rows and columns of 0 where masked. */
  weights: tf.Tensor;
  /** `[G, N, d]` */
  query: tf.Tensor;
  /** `[G, M, d]` */
  key: tf.Tensor;
  /** `[G, M, v]` */
  value: tf.Tensor;
  /** Factor of the scores. */
  scale: number;
}

export interface AttentionGradients {
  query: tf.Tensor;
  key: tf.Tensor;
  value: tf.Tensor;
  /** `[G, N, M]`, of the scores and of whatever was added to them. */
  scores: tf.Tensor;
}

/**
 * Gradients of `softmax(scale · Q·Kᵀ + bias) · V`, with A the softmax:
 *
 *     dA = dy·Vᵀ,   dS = A∘(dA − Σ_keys A∘dA)
 *     dQ = scale · dS·K,   dK = scale · dSᵀ·Q,   dV = Aᵀ·dy
 *
 * @param dy `[G, N, v]`
 */
export function attentionGradients(dy: tf.Tensor, parts: AttentionParts): AttentionGradients {
  const { weights, query, key, value, scale } = parts;
  const scores = softmaxGradient(weights, tf.matMul(dy, value, false, true));
  const scaled = tf.mul(scores, scale);
  return {
    query: tf.matMul(scaled, key),
    key: tf.matMul(scaled, query, true),
    value: tf.matMul(weights, dy, true),
    scores,
  };
}

/** `a∘(da − Σ a∘da)` over the last axis. */
function softmaxGradient(a: tf.Tensor, da: tf.Tensor): tf.Tensor {
  return tf.mul(a, tf.sub(da, tf.sum(tf.mul(a, da), -1, true)));
}
