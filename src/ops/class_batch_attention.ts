import * as tf from '@tensorflow/tfjs-core';
import { dropMasked } from './mask.js';
import { defineOp } from './registry.js';
import { checkShapes, type Shape } from './shape_check.js';

export interface ClassBatchAttentionOptions {
  /** Factor of the scores. Default `1 / sqrt(C)`, C the class count. */
  scale?: number;
  /** `[B]`, 1 for a sample and 0 for padding, which neither attends nor is attended to. */
  mask?: tf.Tensor;
}

interface Attrs {
  scale: number;
}

/** Far below any score that float32 training meets, yet finite: softmax stays free of NaN. */
const maskedScore = -1e30;

const runClassBatchAttention = defineOp<Attrs>({
  kernelName: 'ClassBatchAttention',
  composite([query, key, value, mask], { scale }) {
    const attention = attentionWeights(query!, key!, scale, mask);
    return [weightedValues(attention, dropMasked(value!, mask))];
  },
  gradient([dy], [query, key, value, mask], { scale }) {
    const gradients = tf.tidy(() => inputGradients(dy!, query!, key!, value!, scale, mask));
    return [
      () => gradients.query,
      () => gradients.key,
      () => gradients.value,
      ...(mask ? [() => tf.zerosLike(mask)] : []),
    ];
  },
});

/**
 * Class batch attention: for each class on its own, the samples of a batch attend to each other.
 *
 *     S_c[i,j] = (query[i,c,:] · key[j,c,:]) / sqrt(C)      C is the class count
 *     A_c      = softmax over j of S_c
 *     out[i,c] = Σ_j A_c[i,j] · value[j,c]
 *
 * No projections, heads or dropout. With one sample the output equals `value`; permuting the batch
 * permutes the output. Differentiable twice. `scale` and `mask` go beyond the paper.
 *
 * @param query `[B, C, E]`
 * @param key `[B, C, E]`
 * @param value `[B, C]`
 * @returns `[B, C]`; 0 for masked samples.
 * @throws ShapeError when ranks are wrong or batch, class or feature sizes disagree.
 *
 * Source: Her et al., "Batch Transformer: Look for Attention in Batch", IEEE Access 13 (2025).
 * Provenance: published.
 */
export function classBatchAttention(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  { scale, mask }: ClassBatchAttentionOptions = {},
): tf.Tensor2D {
  checkClassBatchAttention('classBatchAttention', {
    query: query.shape,
    key: key.shape,
    value: value.shape,
    ...(mask && { mask: mask.shape }),
  });
  return tf.tidy(() => {
    const inputs = [query, key, value, ...(mask ? [tf.cast(mask, 'float32')] : [])];
    return runClassBatchAttention(inputs, { scale: scale ?? defaultScale(query.shape) })[0];
  }) as tf.Tensor2D;
}

/**
 * The attention itself, for plots and analysis: who listens to whom, class by class.
 *
 * @param query `[B, C, E]`
 * @param key `[B, C, E]`
 * @returns `[C, B, B]`; row i of class c says how much sample i takes from each sample j. Rows sum to
 *   1; rows and columns of masked samples are 0.
 * @throws ShapeError as `classBatchAttention` does.
 *
 * Provenance: published (the weights A_c of `classBatchAttention`).
 */
export function classBatchAttentionWeights(
  query: tf.Tensor,
  key: tf.Tensor,
  { scale, mask }: ClassBatchAttentionOptions = {},
): tf.Tensor3D {
  checkClassBatchAttention('classBatchAttentionWeights', {
    query: query.shape,
    key: key.shape,
    ...(mask && { mask: mask.shape }),
  });
  return tf.tidy(() =>
    attentionWeights(
      query,
      key,
      scale ?? defaultScale(query.shape),
      mask && tf.cast(mask, 'float32'),
    ),
  ) as tf.Tensor3D;
}

/** Checks shapes of class batch attention inputs, known or symbolic. @throws ShapeError */
export function checkClassBatchAttention(op: string, shapes: Record<string, Shape>): void {
  checkShapes(
    op,
    {
      query: ['batch', 'classes', 'features'],
      key: ['batch', 'classes', 'features'],
      value: ['batch', 'classes'],
      mask: ['batch'],
    },
    shapes,
  );
}

function defaultScale(queryShape: number[]): number {
  return 1 / Math.sqrt(queryShape[1]!);
}

/** `[B, C, E]` → `[C, B, E]` */
function byClass(x: tf.Tensor): tf.Tensor {
  return tf.transpose(x, [1, 0, 2]);
}

/** `[C, B, E]` → `[B, C, E]` */
const byBatch = byClass;

function attentionWeights(
  query: tf.Tensor,
  key: tf.Tensor,
  scale: number,
  mask: tf.Tensor | undefined,
): tf.Tensor {
  const scaled = tf.mul(byClass(dropMasked(query, mask)), scale);
  const scores = tf.matMul(scaled, byClass(dropMasked(key, mask)), false, true);
  if (mask === undefined) return tf.softmax(scores);
  const absent = tf.mul(tf.sub(1, mask), maskedScore);
  return tf.mul(tf.softmax(tf.add(scores, absent)), tf.mul(tf.expandDims(mask, 1), mask));
}

/** Σ_j A_c[i,j] value[j,c]: `[C, B, B]`, `[B, C]` → `[B, C]` */
function weightedValues(attention: tf.Tensor, value: tf.Tensor): tf.Tensor {
  const values = tf.expandDims(tf.transpose(value), 2);
  return tf.transpose(tf.squeeze(tf.matMul(attention, values), [2]));
}

/**
 * With A computed anew rather than kept:
 *
 *     dS[i,j]  = A[i,j] · dy[i] · (value[j] − out[i])
 *     dquery   = scale · dS · key,   dkey = scale · dSᵀ · query,   dvalue = Aᵀ · dy
 */
function inputGradients(
  dyOfAll: tf.Tensor,
  queryOfAll: tf.Tensor,
  keyOfAll: tf.Tensor,
  valueOfAll: tf.Tensor,
  scale: number,
  mask: tf.Tensor | undefined,
) {
  const [dy, query, key, value] = [dyOfAll, queryOfAll, keyOfAll, valueOfAll].map((x) =>
    dropMasked(x, mask),
  ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const rows = (x: tf.Tensor) => tf.expandDims(tf.transpose(x), 2);
  const columns = (x: tf.Tensor) => tf.expandDims(tf.transpose(x), 1);

  const attention = attentionWeights(query, key, scale, mask);
  const output = weightedValues(attention, value);
  const dScores = tf.mul(
    tf.mul(attention, tf.mul(rows(dy), scale)),
    tf.sub(columns(value), rows(output)),
  );
  return {
    query: byBatch(tf.matMul(dScores, byClass(key))),
    key: byBatch(tf.matMul(dScores, byClass(query), true)),
    value: tf.transpose(tf.squeeze(tf.matMul(attention, rows(dy), true), [2])),
  };
}
