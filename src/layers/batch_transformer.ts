import * as tf from '@tensorflow/tfjs-core';
import { classBatchAttentionWeights } from '../ops/class_batch_attention.js';
import { dropMasked } from '../ops/mask.js';
import type { Shape } from '../ops/shape_check.js';
import { BtnLayer, type LayerShape, type SeededConfig, shapeList } from './btn_layer.js';
import { type ChannelEncoding, ChannelPositionalEncoding } from './channel_positional_encoding.js';
import { ClassBatchAttention, maskVector, namedShapes } from './class_batch_attention.js';

/** Config of `BatchTransformer`. */
export interface BatchTransformerConfig extends SeededConfig {
  /** Channel encoding of query and key. Default `sinusoidal`. */
  encoding?: ChannelEncoding;
  /** Factor of the scores. Default `1 / sqrt(C)`, C the class count. */
  scale?: number;
  /** Also return the attention `[C, B, B]`, for plots. Default false. */
  returnAttention?: boolean;
}

/**
 * The batch transformer: class batch attention over encoded queries and keys, and a residual.
 *
 *     q', k' = ChannelPositionalEncoding(query, key)
 *     cba    = ClassBatchAttention(q', k', value)
 *     bt     = cba + value
 *
 * Inputs: `[query, key, value]` or `[query, key, value, mask]`, of shapes `[B, C, E]`, `[B, C, E]`,
 * `[B, C]`, `[B]` or `[B, 1]`; C and E must be known. The value is a classifier's logits; the mask is 1
 * for a sample and 0 for padding, and `[B, 1]` where `fit` or `predict` shall take it.
 *
 * Outputs: `[cba, bt]`, each `[B, C]`; with `returnAttention` also `[C, B, B]`. Both are 0 for
 * masked samples.
 *
 * TensorFlow.js runs a layer once for each of its outputs that a functional model uses. Where cost
 * matters, use `cba` alone and add `value` to it with `tf.layers.add()`.
 *
 * @throws ShapeError when ranks are wrong or batch, class or feature sizes disagree; ArgumentError
 *   when there are not 3 or 4 inputs, or for an unknown `encoding`.
 *
 * @example
 * const [query, key] = [tfl.input({ shape: [7, 16] }), tfl.input({ shape: [7, 16] })];
 * const logits = tfl.input({ shape: [7] }); // of seven classes
 * const [cba, bt] = new BatchTransformer().apply([query, key, logits]) as tfl.SymbolicTensor[];
 * console.log(cba.shape, bt.shape); // [ null, 7 ] [ null, 7 ]
 *
 * Source: Her et al., "Batch Transformer: Look for Attention in Batch", IEEE Access 13 (2025).
 * Provenance: published; the encoding's formula is reconstructed, the mask goes beyond the paper.
 */
export class BatchTransformer extends BtnLayer {
  static readonly className = 'BatchTransformer';
  override readonly mixesBatch = true;
  private readonly config: { encoding: ChannelEncoding; returnAttention: boolean; scale?: number };
  private readonly encoder: ChannelPositionalEncoding;
  private readonly attention: ClassBatchAttention;

  constructor(config: BatchTransformerConfig = {}) {
    super(config);
    const { encoding = 'sinusoidal', returnAttention = false, scale, seed } = config;
    this.config = { encoding, returnAttention, ...(scale !== undefined && { scale }) };
    this.encoder = new ChannelPositionalEncoding({ encoding, seed });
    this.attention = new ClassBatchAttention({ scale, returnAttention });
  }

  override build(inputShape: LayerShape): void {
    const { query, key } = namedShapes('BatchTransformer', inputShape);
    this.buildParts({ encoder: [this.encoder, [query, key]] });
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape[] {
    const { value } = namedShapes('BatchTransformer', inputShape);
    const [cba, ...attention] = shapeList(this.attention.computeOutputShape(inputShape));
    return [cba!, value, ...attention];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
    return tf.tidy(() => {
      const [query, key, value, given] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor?];
      const mask = given && maskVector(given);
      const encoded = this.encoder.call([query, key]);
      const attended = this.attention.call([...encoded, value, ...(mask ? [mask] : [])]);
      const [cba, ...attention] = [attended].flat();
      return [cba!, tf.add(cba!, dropMasked(value, mask)), ...attention];
    });
  }

  /**
   * The attention of a batch, by which `cba` weighs the values, for plots. The layer must be built.
   *
   * @param query `[B, C, E]`, not encoded, as for the layer itself.
   * @param key `[B, C, E]`
   * @param mask `[B]` or `[B, 1]`
   * @returns `[C, B, B]` as `classBatchAttentionWeights`.
   * @throws ShapeError as the layer does.
   */
  attentionWeights(query: tf.Tensor, key: tf.Tensor, mask?: tf.Tensor): tf.Tensor3D {
    return tf.tidy(() => {
      const [encodedQuery, encodedKey] = this.encoder.call([query, key]);
      const options = { scale: this.config.scale, mask: mask && maskVector(mask) };
      return classBatchAttentionWeights(encodedQuery!, encodedKey!, options);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.config };
  }
}
tf.serialization.registerClass(BatchTransformer);
