import * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '../ops/shape_check.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  onlyTensor,
  shapeList,
  type Weight,
} from './btn_layer.js';

/**
 * Puts a learned class token before the tokens.
 *
 * Input `[B, N, D]`, output `[B, 1 + N, D]`. Weight: token `[1, 1, D]`.
 *
 * @throws ArgumentError when D is not known as the layer is built.
 *
 * @example
 * const tokens = tfl.input({ shape: [49, 64] });
 * const withClass = new ClassToken().apply(tokens) as tfl.SymbolicTensor;
 * console.log(withClass.shape); // [ null, 50, 64 ]
 *
 * Source: Dosovitskiy et al., arXiv 2010.11929. Provenance: baseline.
 */
export class ClassToken extends BtnLayer {
  static readonly className = 'ClassToken';
  private token!: Weight;

  override build(inputShape: LayerShape): void {
    const width = knownSize('ClassToken', shapeList(inputShape)[0]!, 2);
    this.token = this.weight('token', [1, 1, width], this.truncatedNormal());
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape {
    const [batch, tokens, width] = shapeList(inputShape)[0]!;
    return [batch!, tokens == null ? null : tokens + 1, width!];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = onlyTensor(inputs);
      // A product with ones rather than tile, whose gradient and speed are poor on wasm.
      const tokens = tf.mul(tf.ones([x.shape[0]!, 1, 1]), this.token.read());
      return tf.concat([tokens, x], 1);
    });
  }
}
tf.serialization.registerClass(ClassToken);
