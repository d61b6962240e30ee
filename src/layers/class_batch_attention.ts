import * as tf from '@tensorflow/tfjs-core';
import {
  checkClassBatchAttention,
  classBatchAttention,
  classBatchAttentionWeights,
} from '../ops/class_batch_attention.js';
import { ArgumentError } from '../ops/errors.js';
import type { Shape } from '../ops/shape_check.js';
import { BtnLayer, type LayerConfig, type LayerShape, shapeList } from './btn_layer.js';

/** Config of the layer `ClassBatchAttention`. */
export interface ClassBatchAttentionConfig extends LayerConfig {
  /** Factor of the scores. Default `1 / sqrt(C)`, C the class count. */
  scale?: number;
  /** Also return the attention `[C, B, B]`, for plots. Default false. */
  returnAttention?: boolean;
}

/**
 * For each class on its own, the samples of a batch attend to each other.
 *
 *     S_c[i,j] = (query[i,c,:] · key[j,c,:]) / sqrt(C)
 *     out[i,c] = Σ_j softmax_j(S_c)[i,j] · value[j,c]
 *
 * Inputs: `[query, key, value]` or `[query, key, value, mask]`, of shapes `[B, C, E]`, `[B, C, E]`,
 * `[B, C]`, `[B]` or `[B, 1]`. The mask is 1 for a sample and 0 for padding, which neither attends nor
 * is attended to; as an input of a model that `fit` or `predict` shall take it is `[B, 1]`.
 *
 * Output: `[B, C]`, 0 for masked samples; with `returnAttention` also `[C, B, B]`.
 *
 * The result of a sample depends on its batch: call `predictOnBatch`, not `predict` (which splits at
 * 32), and pad with a mask rather than let the last batch be smaller.
 *
 * @throws ShapeError when ranks are wrong or batch, class or feature sizes disagree; ArgumentError
 *   when there are not 3 or 4 inputs.
 *
 * @example
 * const [query, key] = [tfl.input({ shape: [7, 16] }), tfl.input({ shape: [7, 16] })];
 * const logits = tfl.input({ shape: [7] });
 * const attention = new ClassBatchAttention({ returnAttention: true });
 * const [cba, weights] = attention.apply([query, key, logits]) as tfl.SymbolicTensor[];
 * console.log(cba.shape, weights.shape); // [ null, 7 ] [ 7, null, null ]
 *
 * Source: Her et al., "Batch Transformer: Look for Attention in Batch", IEEE Access 13 (2025).
 * Provenance: published; `scale`, `returnAttention` and the mask go beyond the paper.
 */
export class ClassBatchAttention extends BtnLayer {
  static readonly className = 'ClassBatchAttention';
  override readonly mixesBatch = true;
  private readonly scale: number | undefined;
  private readonly returnAttention: boolean;

  constructor(config: ClassBatchAttentionConfig = {}) {
    super(config);
    this.scale = config.scale;
    this.returnAttention = config.returnAttention ?? false;
  }

  override build(inputShape: LayerShape): void {
    namedShapes('ClassBatchAttention', inputShape);
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape[] | Shape {
    const { query, value } = namedShapes('ClassBatchAttention', inputShape);
    if (!this.returnAttention) return value;
    const [batch, classes] = query;
    return [value, [classes!, batch!, batch!]];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor | tf.Tensor[] {
    return tf.tidy(() => {
      const [query, key, value, mask] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor?];
      const options = { scale: this.scale, mask: mask && maskVector(mask) };
      const output = classBatchAttention(query, key, value, options);
      if (!this.returnAttention) return output;
      return [output, classBatchAttentionWeights(query, key, options)];
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      ...(this.scale !== undefined && { scale: this.scale }),
      returnAttention: this.returnAttention,
    };
  }
}
tf.serialization.registerClass(ClassBatchAttention);

/**
 * Names the shapes of `[query, key, value, mask?]` and checks them.
 *
 * @throws ArgumentError when there are not 3 or 4; ShapeError when they do not fit each other.
 */
export function namedShapes(
  layer: string,
  inputShape: LayerShape,
): { query: Shape; key: Shape; value: Shape; mask?: Shape } {
  const shapes = shapeList(inputShape);
  if (shapes.length < 3 || shapes.length > 4) {
    throw new ArgumentError(
      `${layer}: needs 3 or 4 inputs [query, key, value, mask?], but was given ${shapes.length}`,
    );
  }
  const [query, key, value, mask] = shapes as [Shape, Shape, Shape, Shape?];
  const named = { query, key, value, ...(mask && { mask: isColumn(mask) ? [mask[0]!] : mask }) };
  checkClassBatchAttention(layer, named);
  return named;
}

/** A mask `[B]` or `[B, 1]` as `[B]`: TensorFlow.js widens vectors that `fit` and `predict` are given. */
export function maskVector(mask: tf.Tensor): tf.Tensor {
  return isColumn(mask.shape) ? tf.squeeze(mask, [1]) : mask;
}

function isColumn(shape: Shape): boolean {
  return shape.length === 2 && shape[1] === 1;
}
