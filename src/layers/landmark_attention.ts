import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import { linear } from '../ops/linear.js';
import { relativePositionBias } from '../ops/relative_position_bias.js';
import { checkHeads, scaledDotProductAttention } from '../ops/scaled_dot_product_attention.js';
import { checkShapes, type Shape } from '../ops/shape_check.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  type SeededConfig,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/** Config of `LandmarkAttention`. */
export interface LandmarkAttentionConfig extends SeededConfig {
  /** Must divide the width D. */
  numHeads: number;
  /**
   * What the bias is stored by: the `distance` between two tokens (default), which learns, or each
   * `pair` of tokens, which inference need not look up.
   */
  biasBy?: 'distance' | 'pair';
}

/**
 * Landmark tokens ask, image tokens answer: cross-attention with relative position bias over all
 * tokens of a w × w map.
 *
 *     K, V = split(image·Wkv + b),   Q = landmarks        (not projected)
 *     out  = softmax(Q·Kᵀ / sqrt(D / heads) + bias) · V · Wp + bp
 *
 * The bias of a head is looked up in a table `[(2w−1)², heads]` by the row and column distance
 * between query and key; stored by pair, it is the weight `[heads, w², w²]` itself.
 *
 * Inputs: `[image, landmarks]`, each `[B, w², D]`, row by row. Output: `[B, w², D]`.
 *
 * @throws ShapeError when the inputs disagree; ArgumentError when there are not 2 inputs, the tokens
 *   are not a square map or `numHeads` does not divide D.
 *
 * @example
 * const [image, landmarks] = [tfl.input({ shape: [49, 64] }), tfl.input({ shape: [49, 64] })]; // 7 × 7 maps
 * const attention = new LandmarkAttention({ numHeads: 2 });
 * const asked = attention.apply([image, landmarks]) as tfl.SymbolicTensor;
 * console.log(asked.shape); // [ null, 49, 64 ]
 *
 * Source: Mao et al., POSTER V2, arXiv 2301.12149. Provenance: baseline.
 */
export class LandmarkAttention extends BtnLayer {
  static readonly className = 'LandmarkAttention';
  private readonly numHeads: number;
  private readonly biasBy: 'distance' | 'pair';
  private side = 0;
  private keyValueKernel!: Weight;
  private keyValueBias!: Weight;
  private outputKernel!: Weight;
  private outputBias!: Weight;
  private bias!: Weight;

  constructor(config: LandmarkAttentionConfig) {
    super(config);
    this.numHeads = config.numHeads;
    this.biasBy = config.biasBy ?? 'distance';
  }

  override build(inputShape: LayerShape): void {
    const image = this.checked(inputShape);
    const tokens = knownSize('LandmarkAttention', image, 1);
    const width = knownSize('LandmarkAttention', image, 2);
    checkHeads('LandmarkAttention', width, this.numHeads);
    this.side = Math.sqrt(tokens);
    if (!Number.isInteger(this.side)) {
      throw new ArgumentError(`LandmarkAttention: ${tokens} tokens are not a square map`);
    }
    this.keyValueKernel = this.weight('keyValueKernel', [width, 2 * width], this.leCunNormal(0));
    this.keyValueBias = this.weight('keyValueBias', [2 * width], zeros());
    this.outputKernel = this.weight('outputKernel', [width, width], this.leCunNormal(1));
    this.outputBias = this.weight('outputBias', [width], zeros());
    const { side, numHeads } = this;
    this.bias =
      this.biasBy === 'pair'
        ? this.weight('bias', [numHeads, tokens, tokens], zeros())
        : this.weight(
            'relativePositionBias',
            [(2 * side - 1) ** 2, numHeads],
            this.truncatedNormal(2),
          );
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape {
    return this.checked(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [image, landmarks] = inputs as [tf.Tensor, tf.Tensor];
      const keyValue = linear(image, this.keyValueKernel.read(), this.keyValueBias.read());
      const [key, value] = tf.split(keyValue, 2, 2) as [tf.Tensor, tf.Tensor];
      const attended = scaledDotProductAttention(landmarks, key, value, {
        numHeads: this.numHeads,
        bias: this.pairBias(),
      });
      return linear(attended, this.outputKernel.read(), this.outputBias.read());
    });
  }

  /** The bias of each pair of tokens, `[heads, w², w²]`. */
  pairBias(): tf.Tensor {
    const bias = this.bias.read();
    return this.biasBy === 'pair' ? bias : relativePositionBias(bias, this.side);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      numHeads: this.numHeads,
      ...(this.biasBy === 'pair' && { biasBy: this.biasBy }),
    };
  }

  private checked(inputShape: LayerShape): Shape {
    const shapes = shapeList(inputShape);
    if (shapes.length !== 2) {
      throw new ArgumentError(
        `LandmarkAttention: needs 2 inputs [image, landmarks], but was given ${shapes.length}`,
      );
    }
    const [image, landmarks] = shapes as [Shape, Shape];
    const axes = ['batch', 'tokens', 'width'];
    checkShapes('LandmarkAttention', { image: axes, landmarks: axes }, { image, landmarks });
    return image;
  }
}
tf.serialization.registerClass(LandmarkAttention);
