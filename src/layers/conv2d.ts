import * as tf from '@tensorflow/tfjs-core';
import { initializers } from '@tensorflow/tfjs-layers';
import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import { formatShape, type Shape } from '../ops/shape_check.js';
import {
  BtnLayer,
  type Initializer,
  knownSize,
  type LayerShape,
  onlyTensor,
  type SeededConfig,
  seedArg,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/** Config of `BtnConv2D`. */
export interface BtnConv2DConfig extends SeededConfig {
  /** Output channels. */
  filters: number;
  /** Side of the kernel, in pixels of the map. */
  kernelSize: number;
  /** Default 1. */
  strides?: number;
  /** Zeros on each of the four sides, as in PyTorch. Default 0. */
  padding?: number;
  /** Default true. */
  useBias?: boolean;
  /**
   * Variance of the kernel at the start, times its inputs. Default 2 (He normal), which suits a
   * rectifier behind the convolution; 1/3 is what PyTorch starts any convolution with.
   */
  initialGain?: number;
  /** A rectifier with one slope per channel, computed along with the convolution. Default: none. */
  activation?: 'prelu';
}

/**
 * Square convolution with PyTorch's symmetric padding, which at stride 2 is not TensorFlow's `same`.
 *
 * Input `[B, H, W, I]`, output `[B, (H + 2p − k)/s + 1, …, filters]`, rounded down. Weights: kernel `[k, k, I, O]`,
 * bias `[O]`, alpha `[O]` where the activation is `prelu`.
 *
 * @throws ArgumentError for sizes that are no positive integers, and when the kernel does not fit into the input
 * or I is not known as the layer is built.
 *
 * @example
 * const image = tfl.input({ shape: [112, 112, 3] });
 * const conv = new BtnConv2D({ filters: 64, kernelSize: 3, strides: 2, padding: 1 });
 * const map = conv.apply(image) as tfl.SymbolicTensor;
 * console.log(map.shape, conv.countParams()); // [ null, 56, 56, 64 ] 1792
 *
 * Provenance: baseline (POSTER V2 uses PyTorch's Conv2d).
 */
export class BtnConv2D extends BtnLayer {
  static readonly className = 'BtnConv2D';
  private readonly config: Required<Omit<BtnConv2DConfig, keyof SeededConfig | 'activation'>>;
  private readonly activation: 'prelu' | undefined;
  private kernel!: Weight;
  private bias?: Weight;
  private alpha?: Weight;

  constructor(config: BtnConv2DConfig) {
    super(config);
    const {
      filters,
      kernelSize,
      strides = 1,
      padding = 0,
      useBias = true,
      initialGain = 2,
    } = config;
    checkNumber('BtnConv2D', 'filters', filters, { from: 1, integer: true });
    checkNumber('BtnConv2D', 'initialGain', initialGain, { above: 0 });
    checkWindow('BtnConv2D', { kernelSize, strides, padding });
    this.config = { filters, kernelSize, strides, padding, useBias, initialGain };
    this.activation = config.activation;
  }

  override build(inputShape: LayerShape): void {
    const { filters, kernelSize, useBias, initialGain } = this.config;
    const channels = knownSize('BtnConv2D', shapeList(inputShape)[0]!, -1);
    const initial = initializers.varianceScaling({
      scale: initialGain,
      mode: 'fanIn',
      distribution: 'normal',
      ...seedArg(this.seed),
    });
    this.kernel = this.weight('kernel', [kernelSize, kernelSize, channels, filters], initial);
    if (useBias) this.bias = this.weight('bias', [filters], zeros());
    if (this.activation) this.alpha = this.weight('alpha', [filters], initialSlope());
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape {
    return convolvedShape(shapeList(inputShape)[0]!, this.config, this.config.filters);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { strides, padding } = this.config;
    return tf.fused.conv2d({
      x: onlyTensor(inputs) as tf.Tensor4D,
      filter: this.kernel.read() as tf.Tensor4D,
      strides,
      pad: padding,
      ...(this.bias && { bias: this.bias.read() }),
      ...(this.alpha && { activation: 'prelu', preluActivationWeights: this.alpha.read() }),
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      ...this.config,
      ...(this.activation && { activation: this.activation }),
    };
  }
}
tf.serialization.registerClass(BtnConv2D);

/** Of a rectifier that is part of a convolution: as BtnPReLU starts. */
export function initialSlope(): Initializer {
  return initializers.constant({ value: 0.25 });
}

/** A square window that moves over a map, in pixels. */
interface Window {
  kernelSize: number;
  strides: number;
  padding: number;
}

/** @throws ArgumentError for what is no positive integer; padding may be 0. */
export function checkWindow(who: string, { kernelSize, strides, padding }: Window): void {
  checkNumber(who, 'kernelSize', kernelSize, { from: 1, integer: true });
  checkNumber(who, 'strides', strides, { from: 1, integer: true });
  checkNumber(who, 'padding', padding, { from: 0, integer: true });
}

/**
 * Shape after a window has moved over `[B, H, W, …]`.
 *
 * @throws ArgumentError when it does not fit.
 */
export function convolvedShape(shape: Shape, window: Window, channels: number): Shape {
  const [batch, height, width] = shape;
  const { kernelSize, strides, padding } = window;
  for (const size of [height, width]) {
    if (size == null || size + 2 * padding >= kernelSize) continue;
    throw new ArgumentError(
      `a kernel of ${kernelSize} × ${kernelSize} does not fit into [${formatShape(shape)}] with padding ${padding}`,
    );
  }
  const along = (size: number | null | undefined) =>
    size == null ? null : Math.floor((size + 2 * padding - kernelSize) / strides) + 1;
  return [batch ?? null, along(height), along(width), channels];
}
