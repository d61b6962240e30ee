import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '../ops/number_check.js';
import type { Shape } from '../ops/shape_check.js';
import { subsample } from '../ops/subsample.js';
import { BtnLayer, type LayerConfig, type LayerShape, onlyTensor, shapeList } from './btn_layer.js';

/** Config of `Subsample`. */
export interface SubsampleConfig extends LayerConfig {
  /** s: every s-th row and column is kept, from the first on. */
  stride: number;
}

/**
 * Keeps rows and columns 0, s, 2s, …: nearest-neighbour down-sampling by an integer, and PyTorch's
 * 1×1 max-pool of stride s.
 *
 * Input `[B, H, W, C]`, output `[B, ceil(H/s), ceil(W/s), C]`.
 *
 * @throws ArgumentError when the stride is no integer from 1 on.
 *
 * @example
 * const map = tf.reshape(tf.range(0, 16), [1, 4, 4, 1]);
 * const halved = new Subsample({ stride: 2 }).apply(map) as tf.Tensor;
 * console.log(halved.shape, halved.dataSync()); // [ 1, 2, 2, 1 ] Float32Array(4) [ 0, 2, 8, 10 ]
 *
 * Provenance: baseline (IR-50 shortcuts and the input of both backbones).
 */
export class Subsample extends BtnLayer {
  static readonly className = 'Subsample';
  private readonly stride: number;

  constructor(config: SubsampleConfig) {
    super(config);
    checkNumber('Subsample', 'stride', config.stride, { from: 1, integer: true });
    this.stride = config.stride;
  }

  override computeOutputShape(inputShape: LayerShape): Shape {
    const [batch, height, width, channels] = shapeList(inputShape)[0]! as Shape;
    const along = (size: number | null | undefined) =>
      size == null ? null : Math.ceil(size / this.stride);
    return [batch!, along(height), along(width), channels!];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return subsample(onlyTensor(inputs) as tf.Tensor4D, this.stride);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), stride: this.stride };
  }
}
tf.serialization.registerClass(Subsample);
