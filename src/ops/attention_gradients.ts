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

/**
 * Gradients of {@link attentionGradients} in turn. Its results and `along`, their cotangents, have
 * the product
 *
 *     L = ⟨X, dS⟩ + ⟨U_v, Aᵀ·dy⟩,   X = scale · (U_q·Kᵀ + Q·U_kᵀ) + U_s
 *
 * whose gradients are, with W that of A, Y that of dA and Z that of the scores:
 *
 *     Y = A∘(X − Σ A∘X),   W = X∘(dA − Σ A∘dA) − dA · Σ A∘X + dy·U_vᵀ,   Z = A∘(W − Σ A∘W)
 *     ddy = Y·V + A·U_v,   dV = Yᵀ·dy,   dQ = scale · (Z·K + dS·U_k),   dK = scale · (Zᵀ·Q + dSᵀ·U_q)
 *
 * @param along As `attentionGradients` returns them; `scores` may be absent.
 * @param dy `[G, N, v]`
 */
export function secondAttentionGradients(
  along: Omit<AttentionGradients, 'scores'> & { scores?: tf.Tensor | undefined },
  dy: tf.Tensor,
  { weights, query, key, value, scale }: AttentionParts,
): AttentionGradients & { dy: tf.Tensor } {
  const dWeights = tf.matMul(dy, value, false, true);
  const centered = tf.sub(dWeights, tf.sum(tf.mul(weights, dWeights), -1, true));
  const dScores = tf.mul(tf.mul(weights, centered), scale);

  const crossed = tf.add(
    tf.matMul(along.query, key, false, true),
    tf.matMul(query, along.key, false, true),
  );
  const scaled = tf.mul(crossed, scale);
  const x = along.scores ? tf.add(scaled, along.scores) : scaled;
  const y = softmaxGradient(weights, x);
  const w = tf.add(
    tf.sub(tf.mul(x, centered), tf.mul(dWeights, tf.sum(tf.mul(weights, x), -1, true))),
    tf.matMul(dy, along.value, false, true),
  );
  const scores = softmaxGradient(weights, w);
  const scaledScores = tf.mul(scores, scale);
  return {
    dy: tf.add(tf.matMul(y, value), tf.matMul(weights, along.value)),
    query: tf.add(tf.matMul(scaledScores, key), tf.matMul(dScores, along.key)),
    key: tf.add(tf.matMul(scaledScores, query, true), tf.matMul(dScores, along.query, true)),
    value: tf.matMul(y, dy, true),
    scores,
  };
}

/** `a∘(da − Σ a∘da)` over the last axis. */
function softmaxGradient(a: tf.Tensor, da: tf.Tensor): tf.Tensor {
  return tf.mul(a, tf.sub(da, tf.sum(tf.mul(a, da), -1, true)));
}
