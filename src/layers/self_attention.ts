import * as tf from '@tensorflow/tfjs-core';
import { linear } from '../ops/linear.js';
import { checkHeads, scaledDotProductAttention } from '../ops/scaled_dot_product_attention.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  onlyTensor,
  type SeededConfig,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/** Config of `SelfAttention`. */
export interface SelfAttentionConfig extends SeededConfig {
  /** Must divide the width D. */
  numHeads: number;
}

/**
 * Multi-head self-attention of a vision transformer: one projection to query, key and value (with
 * bias, in this order), attention, output projection.
 *
 * Input and output: `[B, N, D]`.
 *
 * @throws ArgumentError when `numHeads` does not divide D, or D is not known as the layer is built.
 *
 * @example
 * const tokens = tfl.input({ shape: [50, 64] });
 * const attention = new SelfAttention({ numHeads: 8 });
 * const attended = attention.apply(tokens) as tfl.SymbolicTensor;
 * console.log(attended.shape, attention.countParams()); // [ null, 50, 64 ] 16640
 *
 * Source: Dosovitskiy et al., arXiv 2010.11929. Provenance: baseline.
 */
export class SelfAttention extends BtnLayer {
  static readonly className = 'SelfAttention';
  private readonly numHeads: number;
  private inputKernel!: Weight;
  private inputBias!: Weight;
  private outputKernel!: Weight;
  private outputBias!: Weight;

  constructor(config: SelfAttentionConfig) {
    super(config);
    this.numHeads = config.numHeads;
  }

  override build(inputShape: LayerShape): void {
    const width = knownSize('SelfAttention', shapeList(inputShape)[0]!, 2);
    checkHeads('SelfAttention', width, this.numHeads);
    this.inputKernel = this.weight('inputKernel', [width, 3 * width], this.leCunNormal(0));
    this.inputBias = this.weight('inputBias', [3 * width], zeros());
    this.outputKernel = this.weight('outputKernel', [width, width], this.leCunNormal(1));
    this.outputBias = this.weight('outputBias', [width], zeros());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const projected = linear(onlyTensor(inputs), this.inputKernel.read(), this.inputBias.read());
      const [query, key, value] = tf.split(projected, 3, 2) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const attended = scaledDotProductAttention(query, key, value, { numHeads: this.numHeads });
      return linear(attended, this.outputKernel.read(), this.outputBias.read());
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), numHeads: this.numHeads };
  }
}
tf.serialization.registerClass(SelfAttention);
