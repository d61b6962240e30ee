import * as tf from '@tensorflow/tfjs-core';
import { type AttentionParts, attentionGradients } from './attention_gradients.js';
import { ArgumentError, ShapeError } from './errors.js';
import { defineGradientOp, defineOp } from './registry.js';
import { checkShapes } from './shape_check.js';
import { toFloat } from './to_float.js';

/** Options of `scaledDotProductAttention`. */
export interface ScaledDotProductAttentionOptions {
  /** Width is split among so many heads; must divide the width. */
  numHeads: number;
  /** Factor of the scores; default `(D / numHeads)^-0.5`. */
  scale?: number;
  /** `[numHeads, N, M]`, added to the scores of every sample. */
  bias?: tf.Tensor;
}

interface Attrs {
  numHeads: number;
  scale: number;
}

const runAttention = defineOp<Attrs>({
  kernelName: 'BtnScaledDotProductAttention',
  composite(inputs, attrs) {
    const { weights, value } = partsOf(inputs, attrs);
    return [mergeHeads(tf.matMul(weights, value), attrs.numHeads)];
  },
  gradient([dy], inputs, attrs) {
    return runAttentionGrad([dy!, ...inputs], attrs).map((g) => () => g);
  },
});

/** From dy and the inputs of attention: the gradient of each input. */
const runAttentionGrad = defineGradientOp<Attrs>({
  kernelName: 'BtnScaledDotProductAttentionGrad',
  composite([dy, ...inputs], attrs) {
    const { numHeads } = attrs;
    const gradients = attentionGradients(splitHeads(dy!, numHeads), partsOf(inputs, attrs));
    const { query, key, value, scores } = gradients;
    return [
      ...[query, key, value].map((x) => mergeHeads(x, numHeads)),
      ...(inputs[3] ? [biasGradient(scores, numHeads)] : []),
    ];
  },
});

/**
 * Multi-head attention without projections: `softmax(scale · Q·Kᵀ + bias) · V` in each head.
 *
 * @param query `[B, N, D]`
 * @param key `[B, M, D]`
 * @param value `[B, M, D]`
 * @returns `[B, N, D]`
 * @throws ShapeError when shapes disagree; ArgumentError when `numHeads` does not divide D.
 *
 * @example
 * const landmarks = tf.randomNormal([2, 9, 64]); // [batch, tokens, width]
 * const image = tf.randomNormal([2, 49, 64]);
 * const attended = scaledDotProductAttention(landmarks, image, image, { numHeads: 8 });
 * console.log(attended.shape); // [ 2, 9, 64 ]
 *
 * Source: Vaswani et al., arXiv 1706.03762. Provenance: baseline.
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
  const width = query.shape[2]!;
  checkHeads('scaledDotProductAttention', width, numHeads);
  if (bias && bias.shape[0] !== numHeads) {
    throw new ShapeError(
      `scaledDotProductAttention: bias has heads ${bias.shape[0]}, but numHeads is ${numHeads}`,
    );
  }
  return tf.tidy(() => {
    const inputs = [query, key, value, ...(bias ? [bias] : [])].map(toFloat);
    return runAttention(inputs, { numHeads, scale: scale ?? (width / numHeads) ** -0.5 })[0];
  }) as tf.Tensor3D;
}

/** @throws ArgumentError when `numHeads` does not divide `width`. */
export function checkHeads(op: string, width: number, numHeads: number): void {
  if (!Number.isInteger(numHeads) || numHeads < 1 || width % numHeads !== 0) {
    throw new ArgumentError(`${op}: numHeads ${numHeads} must divide the width ${width}`);
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

function partsOf([query, key, value, bias]: tf.Tensor[], attrs: Attrs): AttentionParts {
  const { numHeads, scale } = attrs;
  const [q, k, v] = [query!, key!, value!].map((x) => splitHeads(x, numHeads)) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const scores = tf.matMul(tf.mul(q, scale), k, false, true);
  return { weights: tf.softmax(withBias(scores, bias)), query: q, key: k, value: v, scale };
}

/** The bias of the heads added to the scores `[B·heads, N, M]` of every sample. */
function withBias(scores: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor {
  if (!bias) return scores;
  return tf.reshape(tf.add(tf.reshape(scores, [-1, ...bias.shape]), bias), scores.shape);
}

/** `[B·heads, N, M]` → `[heads, N, M]` */
function biasGradient(scores: tf.Tensor, numHeads: number): tf.Tensor {
  const [, tokens, sources] = scores.shape as [number, number, number];
  return tf.sum(tf.reshape(scores, [-1, numHeads, tokens, sources]), 0);
}
