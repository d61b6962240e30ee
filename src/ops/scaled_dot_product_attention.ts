import * as tf from '@tensorflow/tfjs-core';
import { checkShapes } from './shape_check.js';

export interface ScaledDotProductAttentionOptions {
  /** Width is split among so many heads; must divide the width. */
  numHeads: number;
  /** Factor of the scores; default `(D / numHeads)^-0.5`. */
  scale?: number;
  /** `[numHeads, N, M]`, added to the scores of every sample. */
  bias?: tf.Tensor;
}

/**
 * Multi-head attention without projections: `softmax(scale · Q·Kᵀ + bias) · V` in each head.
 *
 * @param query `[B, N, D]`
 * @param key `[B, M, D]`
 * @param value `[B, M, D]`
 * @returns `[B, N, D]`
 * @throws ShapeError when shapes disagree; Error when `numHeads` does not divide D.
 *
 * Source: Vaswani et al., arXiv 1706.03762.
 */
export function scaledDotProductAttention(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  { numHeads, scale, bias }: ScaledDotProductAttentionOptions,
): tf.Tensor3D {
  checkShapes(
    'scaledDotProductAttention',
    {
      query: ['batch', 'tokens', 'width'],
      key: ['batch', 'source tokens', 'width'],
      value: ['batch', 'source tokens', 'width'],
      bias: ['heads', 'tokens', 'source tokens'],
    },
    { query: query.shape, key: key.shape, value: value.shape, ...(bias && { bias: bias.shape }) },
  );
  const [batch, tokens, width] = query.shape as [number, number, number];
  const sources = key.shape[1]!;
  checkHeads('scaledDotProductAttention', width, numHeads);
  return tf.tidy(() => {
    const scaled = tf.mul(query, scale ?? (width / numHeads) ** -0.5);
    const scores = tf.matMul(splitHeads(scaled, numHeads), splitHeads(key, numHeads), false, true);
    const biased = bias
      ? tf.add(tf.reshape(scores, [batch, numHeads, tokens, sources]), bias)
      : scores;
    const attention = tf.reshape(tf.softmax(biased), [batch * numHeads, tokens, sources]);
    return mergeHeads(tf.matMul(attention, splitHeads(value, numHeads)), numHeads);
  }) as tf.Tensor3D;
}

/** @throws Error when `numHeads` does not divide `width`. */
export function checkHeads(op: string, width: number, numHeads: number): void {
  if (!Number.isInteger(numHeads) || numHeads < 1 || width % numHeads !== 0) {
    throw new Error(`${op}: numHeads ${numHeads} must divide the width ${width}`);
  }
}

/** `[B, N, D]` → `[B·heads, N, D/heads]`: one batch axis, since matMul is fastest at rank 3. */
function splitHeads(x: tf.Tensor, numHeads: number): tf.Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  const perHead = width / numHeads;
  const split = tf.transpose(tf.reshape(x, [batch, tokens, numHeads, perHead]), [0, 2, 1, 3]);
  return tf.reshape(split, [batch * numHeads, tokens, perHead]);
}

/** `[B·heads, N, D/heads]` → `[B, N, D]` */
function mergeHeads(x: tf.Tensor, numHeads: number): tf.Tensor {
  const [rows, tokens, perHead] = x.shape as [number, number, number];
  const split = tf.reshape(x, [rows / numHeads, numHeads, tokens, perHead]);
  return tf.reshape(tf.transpose(split, [0, 2, 1, 3]), [
    rows / numHeads,
    tokens,
    numHeads * perHead,
  ]);
}
