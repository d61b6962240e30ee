import * as tf from '@tensorflow/tfjs-core';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  onlyTensor,
  shapeList,
  type Weight,
} from './btn_layer.js';

/**
 * Adds a learned position to each token.
 *
 * Input and output: `[B, N, D]`. Weight: embedding `[1, N, D]`.
 *
 * Source: Dosovitskiy et al., arXiv 2010.11929. Provenance: baseline.
 */
export class PositionEmbedding extends BtnLayer {
  static readonly className = 'PositionEmbedding';
  private embedding!: Weight;

  override build(inputShape: LayerShape): void {
    const [shape] = shapeList(inputShape);
    const sizes = [1, 2].map((axis) => knownSize('PositionEmbedding', shape!, axis));
    this.embedding = this.weight('embedding', [1, ...sizes], this.truncatedNormal());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.add(onlyTensor(inputs), this.embedding.read());
  }
}
tf.serialization.registerClass(PositionEmbedding);
