import * as tf from '@tensorflow/tfjs-core';
import { ShapeError } from './errors.js';
import { linear } from './linear.js';
import { dropoutMask } from './mask.js';
import { scaledDotProductAttention } from './scaled_dot_product_attention.js';

/** A learned linear map of tokens of width D. */
export interface Projection {
  /** `[D, D]` */
  kernel: tf.Tensor;
  /** `[D]` */
  bias: tf.Tensor;
}

/** Weights of the op `multiLevelAttention`, shared by all levels. */
export interface MultiLevelAttentionWeights {
  /** Of the tokens to queries. */
  query: Projection;
  /** Of the tokens to keys. */
  key: Projection;
  /** `[1, N, D]`, added to the tokens before query and key. */
  positionEmbedding?: tf.Tensor;
  /** Of the tokens to values. Default: none, the values are the tokens. */
  value?: Projection;
  /** Of the result, before the residual. Default: none. */
  output?: Projection;
}

/** Options of the op `multiLevelAttention`. */
export interface MultiLevelAttentionOptions {
  /** Default 8. */
  numHeads?: number;
  /** Rate of dropout on what is added to the tokens. Default 0. */
  dropout?: number;
  /** Seed of the dropout mask; random when absent. */
  seed?: number;
  /** Where in its batch the first sample stands, as the mask is the batch's. Default 0. */
  firstSample?: number;
}

/**
 * Multi-level attention: the tokens of all feature levels attend to each other, so that no level's
 * features are over-fitted. X is the concatenation of the levels, P the position embedding:
 *
 *     Q = (X + P)·Wq + bq,   K = (X + P)·Wk + bk,   V = X
 *     Y = X + softmax(Q·Kᵀ / sqrt(D / heads)) · V
 *
 * @param levels L token maps `[B, N_l, D]`
 * @param weights Projections; `value` and `output` projections only where given.
 * @returns L token maps of the same shapes.
 * @throws ShapeError when the levels differ in batch or width.
 *
 * @example
 * const levels = [49, 49, 16].map((tokens) => tf.randomNormal([2, tokens, 32]));
 * const projection = () => ({ kernel: tf.randomNormal([32, 32]), bias: tf.zeros([32]) });
 * const weights = { query: projection(), key: projection() };
 * const attended = multiLevelAttention(levels, weights, { numHeads: 8 });
 * console.log(attended.map(({ shape }) => shape)); // [ [ 2, 49, 32 ], [ 2, 49, 32 ], [ 2, 16, 32 ] ]
 *
 * Provenance: reconstructed. Published is that the layer "captures the correlations between the
 * levels" and the parameter budget that this form meets.
 */
export function multiLevelAttention(
  levels: tf.Tensor[],
  weights: MultiLevelAttentionWeights,
  { numHeads = 8, dropout = 0, seed, firstSample }: MultiLevelAttentionOptions = {},
): tf.Tensor3D[] {
  checkLevels(
    'multiLevelAttention',
    levels.map((level) => level.shape),
  );
  return tf.tidy(() => {
    const tokens = levels.length === 1 ? levels[0]! : tf.concat(levels, 1);
    const located = weights.positionEmbedding ? tf.add(tokens, weights.positionEmbedding) : tokens;
    const value = weights.value ? project(tokens, weights.value) : tokens;
    const attended = scaledDotProductAttention(
      project(located, weights.query),
      project(located, weights.key),
      value,
      { numHeads },
    );
    const projected = weights.output ? project(attended, weights.output) : attended;
    const added =
      dropout > 0
        ? tf.mul(projected, dropoutMask(projected.shape, { rate: dropout, seed, firstSample }))
        : projected;
    const mixed = tf.add(tokens, added);
    if (levels.length === 1) return [mixed];
    return tf.split(
      mixed,
      levels.map((level) => level.shape[1]!),
      1,
    );
  }) as tf.Tensor3D[];
}

/** Checks level shapes, known or symbolic. @throws ShapeError that names the level and both sizes. */
export function checkLevels(op: string, shapes: readonly (readonly (number | null)[])[]): void {
  const [first] = shapes;
  if (first === undefined) throw new ShapeError(`${op}: needs at least one level`);
  shapes.forEach((shape, i) => {
    if (shape.length !== 3) {
      throw new ShapeError(
        `${op}: level ${i} must have rank 3 [batch, tokens, width], but has rank ${shape.length}`,
      );
    }
    for (const [axis, name] of [
      [0, 'batch'],
      [2, 'width'],
    ] as const) {
      const [mine, other] = [shape[axis], first[axis]];
      if (mine != null && other != null && mine !== other) {
        throw new ShapeError(
          `${op}: level ${i} has ${name} ${mine}, but level 0 has ${name} ${other}`,
        );
      }
    }
  });
}

function project(x: tf.Tensor, { kernel, bias }: Projection): tf.Tensor {
  return linear(x, kernel, bias);
}
