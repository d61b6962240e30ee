import * as tf from '@tensorflow/tfjs-core';
import { linear } from '../ops/linear.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  onlyTensor,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/**
 * A gate on features: `x · sigmoid(W2·relu(W1·x + b1) + b2)`, with square projections.
 *
 * Input and output: `[B, D]`.
 *
 * @throws ArgumentError when D is not known as the layer is built.
 *
 * @example
 * const features = tf.tensor2d([[4, -2]]); // one sample
 * const gate = new FeatureGate();
 * gate.build(features.shape);
 * gate.setWeights(gate.getWeights().map((weight) => tf.zerosLike(weight))); // sigmoid(0) is a half
 * console.log((gate.apply(features) as tf.Tensor).arraySync()); // [ [ 2, -1 ] ]
 *
 * Provenance: baseline (`se_block` of POSTER V2's classifier).
 */
export class FeatureGate extends BtnLayer {
  static readonly className = 'FeatureGate';
  private kernel1!: Weight;
  private bias1!: Weight;
  private kernel2!: Weight;
  private bias2!: Weight;

  override build(inputShape: LayerShape): void {
    const width = knownSize('FeatureGate', shapeList(inputShape)[0]!, -1);
    this.kernel1 = this.weight('kernel1', [width, width], this.leCunNormal(0));
    this.bias1 = this.weight('bias1', [width], zeros());
    this.kernel2 = this.weight('kernel2', [width, width], this.leCunNormal(1));
    this.bias2 = this.weight('bias2', [width], zeros());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = onlyTensor(inputs);
      const hidden = tf.relu(linear(x, this.kernel1.read(), this.bias1.read()));
      return tf.mul(x, tf.sigmoid(linear(hidden, this.kernel2.read(), this.bias2.read())));
    });
  }
}
tf.serialization.registerClass(FeatureGate);
