import * as tf from '@tensorflow/tfjs-core';
import { initializers } from '@tensorflow/tfjs-layers';
import type { Shape } from '../ops/shape_check.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  onlyTensor,
  type SeededConfig,
  seedArg,
  shapeList,
  type Weight,
} from './btn_layer.js';
import { convolvedShape } from './conv2d.js';

export interface BtnDepthwiseConv2DConfig extends SeededConfig {
  kernelSize: number;
  /** Default 1. */
  strides?: number;
  /** Zeros on each of the four sides, as in PyTorch. Default 0. */
  padding?: number;
}

/**
 * Square depthwise convolution without bias, with PyTorch's symmetric padding.
 *
 * Input `[B, H, W, C]`, output `[B, (H + 2p − k)/s + 1, …, C]`. Weight: kernel `[k, k, C, 1]`
 * (normal, variance 2 / k²).
 *
 * Provenance: baseline (MobileFaceNet of POSTER V2).
 */
export class BtnDepthwiseConv2D extends BtnLayer {
  static readonly className = 'BtnDepthwiseConv2D';
  private readonly config: Required<Omit<BtnDepthwiseConv2DConfig, keyof SeededConfig>>;
  private kernel!: Weight;

  constructor(config: BtnDepthwiseConv2DConfig) {
    super(config);
    const { kernelSize, strides = 1, padding = 0 } = config;
    this.config = { kernelSize, strides, padding };
  }

  override build(inputShape: LayerShape): void {
    const { kernelSize } = this.config;
    const channels = knownSize('BtnDepthwiseConv2D', shapeList(inputShape)[0]!, -1);
    const stddev = Math.SQRT2 / kernelSize;
    const initial = initializers.randomNormal({ stddev, ...seedArg(this.seed) });
    this.kernel = this.weight('kernel', [kernelSize, kernelSize, channels, 1], initial);
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape {
    const [shape] = shapeList(inputShape);
    return convolvedShape(shape!, this.config, shape!.at(-1)!);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { strides, padding } = this.config;
    const kernel = this.kernel.read() as tf.Tensor4D;
    return tf.depthwiseConv2d(onlyTensor(inputs) as tf.Tensor4D, kernel, strides, padding);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      ...this.config,
    };
  }
}
tf.serialization.registerClass(BtnDepthwiseConv2D);
