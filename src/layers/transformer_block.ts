import * as tf from '@tensorflow/tfjs-core';
import { BtnLayer, type LayerShape, nthSeed, onlyTensor, type SeededConfig } from './btn_layer.js';
import { BtnLayerNorm } from './layer_norm.js';
import { Mlp } from './mlp.js';
import { SelfAttention } from './self_attention.js';

/** Config of `TransformerBlock`. */
export interface TransformerBlockConfig extends SeededConfig {
  /** Default 8; must divide the width D. */
  numHeads?: number;
  /** Hidden width of the feed-forward part over D. Default 4. */
  mlpRatio?: number;
  /** Of both normalisations. Default 1e-6. */
  epsilon?: number;
}

/**
 * A pre-norm vision transformer block: `x += attention(norm(x))`, then `x += mlp(norm(x))`.
 *
 * Input and output: `[B, N, D]`.
 *
 * @throws ArgumentError when `numHeads` does not divide D, or D is not known as the layer is built.
 *
 * @example
 * const tokens = tfl.input({ shape: [50, 64] });
 * const block = new TransformerBlock({ numHeads: 8 });
 * const next = block.apply(tokens) as tfl.SymbolicTensor;
 * console.log(next.shape, block.countParams()); // [ null, 50, 64 ] 49984
 *
 * Source: Dosovitskiy et al., arXiv 2010.11929. Provenance: baseline.
 */
export class TransformerBlock extends BtnLayer {
  static readonly className = 'TransformerBlock';
  private readonly config: Required<Omit<TransformerBlockConfig, keyof SeededConfig>>;
  private readonly norm1: BtnLayerNorm;
  private readonly attention: SelfAttention;
  private readonly norm2: BtnLayerNorm;
  private readonly mlp: Mlp;

  constructor(config: TransformerBlockConfig = {}) {
    super(config);
    const { numHeads = 8, mlpRatio = 4, epsilon = 1e-6 } = config;
    this.config = { numHeads, mlpRatio, epsilon };
    this.norm1 = new BtnLayerNorm({ epsilon });
    this.attention = new SelfAttention({ numHeads, seed: nthSeed(this.seed, 0) });
    this.norm2 = new BtnLayerNorm({ epsilon });
    this.mlp = new Mlp({ ratio: mlpRatio, seed: nthSeed(this.seed, 1) });
  }

  override build(inputShape: LayerShape): void {
    this.buildParts({
      norm1: [this.norm1, inputShape],
      attention: [this.attention, inputShape],
      norm2: [this.norm2, inputShape],
      mlp: [this.mlp, inputShape],
    });
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = onlyTensor(inputs);
      const attended = tf.add(x, this.attention.call(this.norm1.call(x)));
      return tf.add(attended, this.mlp.call(this.norm2.call(attended)));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.config };
  }
}
tf.serialization.registerClass(TransformerBlock);
