import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import {
  checkLevels,
  type MultiLevelAttentionWeights,
  multiLevelAttention,
  type Projection,
} from '../ops/multi_level_attention.js';
import { checkHeads } from '../ops/scaled_dot_product_attention.js';
import type { Shape } from '../ops/shape_check.js';
import {
  BtnLayer,
  callMask,
  isTraining,
  type Kwargs,
  knownSize,
  type LayerShape,
  type SeededConfig,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/** Config of the layer `MultiLevelAttention`. */
export interface MultiLevelAttentionConfig extends SeededConfig {
  /** Default 8; must divide the width D. */
  numHeads?: number;
  /** A learned projection of the values. Default false: the values are the tokens. */
  valueProjection?: boolean;
  /** A learned projection of the result, before the residual. Default false. */
  outputProjection?: boolean;
  /** A learned position of each token, for query and key. Default true. */
  positionEmbedding?: boolean;
  /** Rate of dropout on the layer's result in training. Default 0. */
  dropout?: number;
}

/**
 * The tokens of all feature levels attend to each other, so that no level is over-fitted. With X the
 * concatenation of the levels and P a learned position embedding:
 *
 *     Q = (X + P)·Wq + bq,   K = (X + P)·Wk + bk,   V = X
 *     Y = X + softmax(Q·Kᵀ / sqrt(D / heads)) · V
 *
 * Inputs: L token maps `[B, N_l, D]`; N_l and D must be known. One map alone, such as a
 * concatenation, is a list of one level.
 *
 * Outputs: L maps of the same shapes. TensorFlow.js runs a layer once for each of its outputs that a
 * functional model uses: where cost matters, concatenate the levels first.
 *
 * @throws ShapeError when levels differ in batch or width; ArgumentError when `numHeads` does not
 *   divide D or `dropout` is out of range.
 *
 * @example
 * const levels = [49, 49, 16].map((tokens) => tfl.input({ shape: [tokens, 32] }));
 * const attention = new MultiLevelAttention({ numHeads: 8 });
 * const [low, mid, high] = attention.apply(levels) as tfl.SymbolicTensor[];
 * console.log(low.shape, mid.shape, high.shape); // [ null, 49, 32 ] [ null, 49, 32 ] [ null, 16, 32 ]
 *
 * Source: named in Her et al., IEEE Access 13 (2025). Provenance: reconstructed.
 */
export class MultiLevelAttention extends BtnLayer {
  static readonly className = 'MultiLevelAttention';
  private readonly config: Required<Omit<MultiLevelAttentionConfig, keyof SeededConfig>>;
  private weightOf: Record<string, Weight> = {};

  constructor(config: MultiLevelAttentionConfig = {}) {
    super(config);
    this.config = {
      numHeads: config.numHeads ?? 8,
      valueProjection: config.valueProjection ?? false,
      outputProjection: config.outputProjection ?? false,
      positionEmbedding: config.positionEmbedding ?? true,
      dropout: config.dropout ?? 0,
    };
    const { dropout } = this.config;
    if (!(dropout >= 0 && dropout < 1)) {
      throw new ArgumentError(`MultiLevelAttention: dropout must be in [0, 1), not ${dropout}`);
    }
  }

  override build(inputShape: LayerShape): void {
    const levels = shapeList(inputShape);
    checkLevels('MultiLevelAttention', levels);
    const width = knownSize('MultiLevelAttention', levels[0]!, 2);
    checkHeads('MultiLevelAttention', width, this.config.numHeads);
    const projection = (name: string, n: number) => {
      this.weightOf[`${name}Kernel`] = this.weight(
        `${name}Kernel`,
        [width, width],
        this.leCunNormal(n),
      );
      this.weightOf[`${name}Bias`] = this.weight(`${name}Bias`, [width], zeros());
    };
    projection('query', 0);
    projection('key', 1);
    if (this.config.valueProjection) projection('value', 2);
    if (this.config.outputProjection) projection('output', 3);
    if (this.config.positionEmbedding) {
      const tokens = levels.reduce(
        (sum, level) => sum + knownSize('MultiLevelAttention', level, 1),
        0,
      );
      this.weightOf.positionEmbedding = this.weight(
        'positionEmbedding',
        [1, tokens, width],
        this.truncatedNormal(4),
      );
    }
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape | Shape[] {
    checkLevels('MultiLevelAttention', shapeList(inputShape));
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs?: Kwargs): tf.Tensor | tf.Tensor[] {
    return tf.tidy(() => {
      const levels = Array.isArray(inputs) ? inputs : [inputs];
      const { numHeads, dropout } = this.config;
      const outputs = multiLevelAttention(levels, this.readWeights(), {
        numHeads,
        dropout: isTraining(kwargs) ? dropout : 0,
        ...callMask(this.name, kwargs),
      });
      return Array.isArray(inputs) ? outputs : outputs[0]!;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.config };
  }

  private readWeights(): MultiLevelAttentionWeights {
    const read = (name: string) => this.weightOf[name]?.read();
    const projection = (name: string): Projection | undefined => {
      const [kernel, bias] = [read(`${name}Kernel`), read(`${name}Bias`)];
      return kernel && bias && { kernel, bias };
    };
    return {
      query: projection('query')!,
      key: projection('key')!,
      value: projection('value'),
      output: projection('output'),
      positionEmbedding: read('positionEmbedding'),
    };
  }
}
tf.serialization.registerClass(MultiLevelAttention);
