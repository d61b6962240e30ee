/** Layers that take the place of others in inference, and the weights that they do it with. */
import * as tf from '@tensorflow/tfjs-core';
import type { layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { BtnConv2D, type BtnConv2DConfig } from '../layers/conv2d.js';
import { BtnDepthwiseConv2D, type BtnDepthwiseConv2DConfig } from '../layers/depthwise_conv2d.js';
import { LandmarkAttention, type LandmarkAttentionConfig } from '../layers/landmark_attention.js';
import { weightName } from '../layers/weight_name.js';

type Layer = layers.Layer;

/** A layer that is not yet built, and the weights that it gets then. */
export interface Replacement {
  layer: Layer;
  weights(): tf.Tensor[];
}

/** Layers behind one another, each read by the next alone: a convolution, its BN, its PReLU. */
export interface Chain {
  /** Of the last layer. */
  name: string;
  input: SymbolicTensor;
  conv?: Layer;
  norm?: Layer;
  prelu?: Layer;
}

/** The one layer that computes a chain, if there is such a layer and it is cheaper. */
export function fusedChain({ name, input, conv, norm, prelu }: Chain): Replacement | undefined {
  const activation = prelu && { activation: 'prelu' as const };
  const alpha = () => (prelu ? [weightOf(prelu, 'alpha')!] : []);
  if (!conv) {
    if (!norm || input.rank !== 4) return undefined;
    const config = { name, kernelSize: 1, useBias: true, ...activation };
    const weights = () => {
      const { scale, shift } = affineOf(norm);
      return [tf.reshape(scale, [1, 1, -1, 1]), shift, ...alpha()];
    };
    return { layer: new BtnDepthwiseConv2D(config), weights };
  }
  const config = conv.getConfig();
  if (config.activation || !(norm || prelu)) return undefined;
  const useBias = Boolean(norm || config.useBias);
  const fused = { ...config, name, useBias, ...activation } as unknown;
  const isDepthwise = conv.getClassName() === 'BtnDepthwiseConv2D';
  const layer = isDepthwise
    ? new BtnDepthwiseConv2D(fused as BtnDepthwiseConv2DConfig)
    : new BtnConv2D(fused as BtnConv2DConfig);
  return { layer, weights: () => [...foldedWeights(conv, norm, isDepthwise), ...alpha()] };
}

/** A layer of the same kind and weights, ready for inference. */
export function inferenceCopy(layer: Layer): Replacement {
  const config = layer.getConfig();
  if (layer.getClassName() === 'LandmarkAttention' && config.biasBy !== 'pair') {
    const attention = layer as LandmarkAttention;
    return {
      layer: new LandmarkAttention({
        ...(config as object as LandmarkAttentionConfig),
        biasBy: 'pair',
      }),
      weights: () =>
        attention.weights.map((weight) =>
          weightName(attention, weight) === 'relativePositionBias'
            ? attention.pairBias()
            : weight.read(),
        ),
    };
  }
  // A model that is a layer takes two arguments more; `true` spares it initial values of its weights.
  const { fromConfig } = layer.constructor as unknown as {
    fromConfig(this: unknown, ...given: unknown[]): Layer;
  };
  const copy = fromConfig.call(layer.constructor, layer.constructor, config, {}, true);
  return { layer: copy, weights: () => layer.getWeights() };
}

/** Kernel and bias of a convolution that normalises its output. */
function foldedWeights(conv: Layer, norm: Layer | undefined, isDepthwise: boolean): tf.Tensor[] {
  const kernel = weightOf(conv, 'kernel')!;
  const bias = weightOf(conv, 'bias');
  if (!norm) return bias ? [kernel, bias] : [kernel];
  const { scale, shift } = affineOf(norm);
  const ofKernel = isDepthwise ? tf.reshape(scale, [-1, 1]) : scale;
  return [tf.mul(kernel, ofKernel), bias ? tf.add(tf.mul(bias, scale), shift) : shift];
}

/** What normalisation by running statistics is: `x · scale + shift`, channel by channel. */
function affineOf(norm: Layer): { scale: tf.Tensor; shift: tf.Tensor } {
  const [gamma, beta, mean, variance] = ['gamma', 'beta', 'movingMean', 'movingVariance'].map(
    (name) => weightOf(norm, name)!,
  ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const epsilon = norm.getConfig().epsilon as number;
  const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
  return { scale, shift: tf.sub(beta, tf.mul(mean, scale)) };
}

function weightOf(layer: Layer, name: string): tf.Tensor | undefined {
  return layer.weights.find((weight) => weightName(layer, weight) === name)?.read();
}
