import * as tf from '@tensorflow/tfjs-core';
import { initializers } from '@tensorflow/tfjs-layers';
import { prelu } from '../ops/prelu.js';
import {
  BtnLayer,
  knownSize,
  type LayerConfig,
  type LayerShape,
  onlyTensor,
  shapeList,
  type Weight,
} from './btn_layer.js';

/** Config of `BtnPReLU`. */
export interface BtnPReLUConfig extends LayerConfig {
  /** Slope for negative values at the start. Default 0.25, as in PyTorch. */
  initialSlope?: number;
}

/**
 * Parametric rectifier with one slope per channel: x where x > 0, α·x elsewhere.
 *
 * Input and output: `[B, ..., C]`. Weight: alpha `[C]`.
 *
 * @throws ArgumentError when C is not known as the layer is built.
 *
 * @example
 * const rectified = new BtnPReLU().apply(tf.tensor2d([[-4, 4]])) as tf.Tensor;
 * console.log(rectified.arraySync()); // [ [ -1, 4 ] ]
 *
 * Source: He et al., arXiv 1502.01852. Provenance: baseline.
 */
export class BtnPReLU extends BtnLayer {
  static readonly className = 'BtnPReLU';
  private readonly initialSlope: number;
  private alpha!: Weight;

  constructor(config: BtnPReLUConfig = {}) {
    super(config);
    this.initialSlope = config.initialSlope ?? 0.25;
  }

  override build(inputShape: LayerShape): void {
    const size = [knownSize('BtnPReLU', shapeList(inputShape)[0]!, -1)];
    this.alpha = this.weight('alpha', size, initializers.constant({ value: this.initialSlope }));
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return prelu(onlyTensor(inputs), this.alpha.read());
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), initialSlope: this.initialSlope };
  }
}
tf.serialization.registerClass(BtnPReLU);
