import * as tf from '@tensorflow/tfjs-core';
import { layerNorm } from '../ops/layer_norm.js';
import {
  BtnLayer,
  knownSize,
  type LayerConfig,
  type LayerShape,
  ones,
  onlyTensor,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/** Config of `BtnLayerNorm`. */
export interface BtnLayerNormConfig extends LayerConfig {
  /** Added to the variance. Default 1e-5, as in PyTorch. */
  epsilon?: number;
}

/**
 * Layer normalisation of the last axis, as PyTorch's LayerNorm.
 *
 * Input and output: `[B, ..., D]`. Weights: gamma, beta, each `[D]`.
 *
 * @throws ArgumentError when D is not known as the layer is built.
 *
 * @example
 * const tokens = tf.tensor3d([[[1, 3], [10, 50]]]); // [batch, tokens, features]
 * const normed = new BtnLayerNorm().apply(tokens) as tf.Tensor;
 * console.log(tf.round(normed).arraySync()); // [ [ [ -1, 1 ], [ -1, 1 ] ] ]
 *
 * Source: Ba et al., arXiv 1607.06450. Provenance: baseline.
 */
export class BtnLayerNorm extends BtnLayer {
  static readonly className = 'BtnLayerNorm';
  private readonly epsilon: number;
  private gamma!: Weight;
  private beta!: Weight;

  constructor(config: BtnLayerNormConfig = {}) {
    super(config);
    this.epsilon = config.epsilon ?? 1e-5;
  }

  override build(inputShape: LayerShape): void {
    const size = [knownSize('BtnLayerNorm', shapeList(inputShape)[0]!, -1)];
    this.gamma = this.weight('gamma', size, ones());
    this.beta = this.weight('beta', size, zeros());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return layerNorm(onlyTensor(inputs), this.gamma.read(), this.beta.read(), this.epsilon);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), epsilon: this.epsilon };
  }
}
tf.serialization.registerClass(BtnLayerNorm);
