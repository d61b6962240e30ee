import * as tf from '@tensorflow/tfjs-core';
import { initializers } from '@tensorflow/tfjs-layers';
import {
  BtnLayer,
  knownSize,
  type LayerConfig,
  type LayerShape,
  onlyTensor,
  shapeList,
  type Weight,
} from './btn_layer.js';

/** Config of `LayerScale`. */
export interface LayerScaleConfig extends LayerConfig {
  /** Factor at the start. Default 1e-5. */
  initialScale?: number;
}

/**
 * A learned factor per feature: `γ · x`, small at the start so that a branch grows in slowly.
 *
 * Input and output: `[B, ..., D]`. Weight: gamma `[D]`.
 *
 * @throws ArgumentError when D is not known as the layer is built.
 *
 * @example
 * const branch = tf.tensor2d([[2, -4]]);
 * const scaled = new LayerScale({ initialScale: 0.5 }).apply(branch) as tf.Tensor;
 * console.log(scaled.arraySync()); // [ [ 1, -2 ] ]
 *
 * Source: Touvron et al., arXiv 2103.17239. Provenance: baseline.
 */
export class LayerScale extends BtnLayer {
  static readonly className = 'LayerScale';
  private readonly initialScale: number;
  private gamma!: Weight;

  constructor(config: LayerScaleConfig = {}) {
    super(config);
    this.initialScale = config.initialScale ?? 1e-5;
  }

  override build(inputShape: LayerShape): void {
    const size = [knownSize('LayerScale', shapeList(inputShape)[0]!, -1)];
    this.gamma = this.weight('gamma', size, initializers.constant({ value: this.initialScale }));
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul(onlyTensor(inputs), this.gamma.read());
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), initialScale: this.initialScale };
  }
}
tf.serialization.registerClass(LayerScale);
