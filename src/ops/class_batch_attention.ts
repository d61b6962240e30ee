import * as tf from '@tensorflow/tfjs-core';
import { type AttentionParts, attentionGradients } from './attention_gradients.js';
import { dropMasked } from './mask.js';
import { defineGradientOp, defineOp } from './registry.js';
import { checkShapes, type Shape } from './shape_check.js';
import { toFloat } from './to_float.js';

/** Options of `classBatchAttention` and `classBatchAttentionWeights`. */
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
    const weights = attentionWeights(query!, key!, scale, mask);
    return [fromColumns(tf.matMul(weights, toColumns(dropMasked(value!, mask))))];
  },
  gradient([dy], inputs, attrs) {
    const mask = inputs[3];
    const gradients = runClassBatchAttentionGrad([dy!, ...inputs], attrs).map((g) => () => g);
    // The mask is data: nothing flows into it.
    return [...gradients, ...(mask ? [() => tf.zerosLike(mask)] : [])];
  },
});

/** From dy and the inputs of class batch attention: the gradients of query, key and value. */
const runClassBatchAttentionGrad = defineGradientOp<Attrs>({
  kernelName: 'ClassBatchAttentionGrad',
  composite([dy, ...inputs], attrs) {
    const cotangent = toColumns(dropMasked(dy!, inputs[3]));
    const { query, key, value } = attentionGradients(cotangent, partsOf(inputs, attrs));
    return [byBatch(query), byBatch(key), fromColumns(value)];
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
 * @example
 * const query = tf.tensor3d([8, 0, 0, 8], [2, 1, 2]); // two samples, one class
 * const values = tf.tensor2d([[1], [3]]);
 * console.log(classBatchAttention(query, query, values).arraySync()); // [ [ 1 ], [ 3 ] ]
 * // Without anything to tell them apart, both get the mean.
 * const zeros = tf.zeros([2, 1, 2]);
 * console.log(classBatchAttention(zeros, zeros, values).arraySync()); // [ [ 2 ], [ 2 ] ]
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
    const inputs = [query, key, value, ...(mask ? [mask] : [])].map(toFloat);
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
 * @example
 * const query = tf.zeros([3, 7, 16]); // three samples that are alike, seven classes
 * const mask = tf.tensor1d([1, 1, 0]); // the last is padding
 * const weights = classBatchAttentionWeights(query, query, { mask });
 * console.log(weights.shape); // [ 7, 3, 3 ]
 * console.log(weights.arraySync()[0]); // [ [ 0.5, 0.5, 0 ], [ 0.5, 0.5, 0 ], [ 0, 0, 0 ] ]
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
    attentionWeights(query, key, scale ?? defaultScale(query.shape), mask && toFloat(mask)),
  ) as tf.Tensor3D;
}

/** Checks the shapes of query, key, value and mask, known or symbolic. @throws ShapeError */
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

/** The classes as C attentions side by side, each of the samples of the batch to each other. */
function partsOf([query, key, value, mask]: tf.Tensor[], { scale }: Attrs): AttentionParts {
  const present = (x: tf.Tensor) => dropMasked(x, mask);
  return {
    weights: attentionWeights(query!, key!, scale, mask),
    query: byClass(present(query!)),
    key: byClass(present(key!)),
    value: toColumns(present(value!)),
    scale,
  };
}

/** A_c of every class, `[C, B, B]`. */
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
  const bothPresent = tf.mul(tf.expandDims(mask, 1), mask);
  return tf.mul(tf.softmax(tf.add(scores, absent)), bothPresent);
}

/** `[B, C, E]` → `[C, B, E]` */
function byClass(x: tf.Tensor): tf.Tensor {
  return tf.transpose(x, [1, 0, 2]);
}

/** `[C, B, E]` → `[B, C, E]`: the same two axes change places. */
const byBatch = byClass;

/** `[B, C]` → `[C, B, 1]` */
function toColumns(x: tf.Tensor): tf.Tensor {
  return tf.expandDims(tf.transpose(x), 2);
}

/** `[C, B, 1]` → `[B, C]` */
function fromColumns(x: tf.Tensor): tf.Tensor {
  return tf.transpose(tf.squeeze(x, [2]));
}
