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
  zeros,
} from './btn_layer.js';
import { checkWindow, convolvedShape, initialSlope } from './conv2d.js';

/** Config of `BtnDepthwiseConv2D`. */
export interface BtnDepthwiseConv2DConfig extends SeededConfig {
  /** Side of the kernel, in pixels of the map. */
  kernelSize: number;
  /** Default 1. */
  strides?: number;
  /** Zeros on each of the four sides, as in PyTorch. Default 0. */
  padding?: number;
  /** Default false. */
  useBias?: boolean;
  /** A rectifier with one slope per channel, computed along with the convolution. Default: none. */
  activation?: 'prelu';
}

/**
 * Square depthwise convolution with PyTorch's symmetric padding.
 *
 * Input `[B, H, W, C]`, output `[B, (H + 2p − k)/s + 1, …, C]`, rounded down. Weights: kernel `[k, k, C, 1]`
 * (normal, variance 2 / k²), bias `[C]` with `useBias`, alpha `[C]` where the activation is `prelu`.
 *
 * @throws ArgumentError for sizes that are no positive integers, and when the kernel does not fit into the input
 * or C is not known as the layer is built.
 *
 * @example
 * const map = tfl.input({ shape: [56, 56, 64] });
 * const conv = new BtnDepthwiseConv2D({ kernelSize: 3, strides: 2, padding: 1 });
 * const halved = conv.apply(map) as tfl.SymbolicTensor;
 * console.log(halved.shape, conv.countParams()); // [ null, 28, 28, 64 ] 576
 *
 * Provenance: baseline (MobileFaceNet of POSTER V2).
 */
export class BtnDepthwiseConv2D extends BtnLayer {
  static readonly className = 'BtnDepthwiseConv2D';
  private readonly config: Required<
    Pick<BtnDepthwiseConv2DConfig, 'kernelSize' | 'strides' | 'padding'>
  >;
  private readonly options: Pick<BtnDepthwiseConv2DConfig, 'useBias' | 'activation'>;
  private kernel!: Weight;
  private bias?: Weight;
  private alpha?: Weight;

  constructor(config: BtnDepthwiseConv2DConfig) {
    super(config);
    const { kernelSize, strides = 1, padding = 0, useBias, activation } = config;
    checkWindow('BtnDepthwiseConv2D', { kernelSize, strides, padding });
    this.config = { kernelSize, strides, padding };
    this.options = { ...(useBias && { useBias }), ...(activation && { activation }) };
  }

  override build(inputShape: LayerShape): void {
    const { kernelSize } = this.config;
    const channels = knownSize('BtnDepthwiseConv2D', shapeList(inputShape)[0]!, -1);
    const stddev = Math.SQRT2 / kernelSize;
    const initial = initializers.randomNormal({ stddev, ...seedArg(this.seed) });
    this.kernel = this.weight('kernel', [kernelSize, kernelSize, channels, 1], initial);
    const { useBias, activation } = this.options;
    if (useBias) this.bias = this.weight('bias', [channels], zeros());
    if (activation) this.alpha = this.weight('alpha', [channels], initialSlope());
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape {
    const [shape] = shapeList(inputShape);
    return convolvedShape(shape!, this.config, shape!.at(-1)!);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { strides, padding } = this.config;
    const x = onlyTensor(inputs) as tf.Tensor4D;
    const filter = this.kernel.read() as tf.Tensor4D;
    // This op can be differentiated twice, the fused one cannot.
    if (!this.bias && !this.alpha) return tf.depthwiseConv2d(x, filter, strides, padding);
    return tf.fused.depthwiseConv2d({
      x,
      filter,
      strides,
      pad: padding,
      ...(this.bias && { bias: this.bias.read() }),
      ...(this.alpha && { activation: 'prelu', preluActivationWeights: this.alpha.read() }),
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.config, ...this.options };
  }
}
tf.serialization.registerClass(BtnDepthwiseConv2D);
