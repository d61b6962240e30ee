/**
 * MobileFaceNet up to its last 7×7 map: the landmark backbone of POSTER V2 and BTN.
 *
 * Follows Chen et al., MobileFaceNets, arXiv 1804.07573, with the strides and widths of POSTER V2
 * (Mao et al., arXiv 2301.12149). Provenance: baseline. No deviation.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import { BtnDepthwiseConv2D } from '../layers/depthwise_conv2d.js';
import { fullMobileFaceNet, type MobileFaceNetConfig } from './config.js';
import { apply, batchNorm, conv, prelu, seedSequence, type Wiring } from './wiring.js';

type Node = tfl.SymbolicTensor;

/**
 * The backbone on its own. Input `[B, 112, 112, 3]`; outputs `[B, 28, 28, 64]`, `[B, 14, 14, 128]`,
 * `[B, 7, 7, 512]` at full size (911,232 weights beside running statistics). Frozen by default.
 *
 * Do not nest it in another model: TensorFlow.js would run it once per output. Wire it flat, as
 * `btn` does.
 *
 * @example
 * const backbone = mobileFaceNet();
 * const maps = backbone.predictOnBatch(tf.zeros([1, 112, 112, 3])) as tf.Tensor[];
 * console.log(maps.map(({ shape }) => shape)); // [ [ 1, 28, 28, 64 ], [ 1, 14, 14, 128 ], [ 1, 7, 7, 512 ] ]
 *
 * Source: Chen et al., MobileFaceNets, arXiv 1804.07573, with the strides and widths of POSTER V2, Mao et al., arXiv
 * 2301.12149. Provenance: baseline.
 */
export function mobileFaceNet(config: Partial<MobileFaceNetConfig> = {}): tfl.LayersModel {
  const input = tfl.input({ shape: [112, 112, 3] });
  const outputs = mobileFaceNetMaps(input, { ...fullMobileFaceNet, ...config }, 'face_landback');
  return tfl.model({ inputs: input, outputs, name: 'mobileFaceNet' });
}

/** Wires the backbone onto `input` and returns its three maps. Layer names start with `prefix`. */
export function mobileFaceNetMaps(
  input: Node,
  { widths, depths, trainable, frozenStatistics, seed }: MobileFaceNetConfig,
  prefix: string,
): [Node, Node, Node] {
  const wiring: Wiring = { seed: seedSequence(seed), trainable, frozenStatistics };
  const [low, mid, high] = widths;
  const at = (name: string) => `${prefix}.${name}`;
  const residuals = (x: Node, name: string, count: number, filters: number, hidden: number) => {
    let y = x;
    for (let i = 0; i < count; i++) {
      const block = `${at(name)}.model.${i}`;
      const branch = depthwiseBlock(y, block, filters, 1, hidden, wiring);
      y = apply(tfl.layers.add({ name: `${block}.sum` }), [y, branch]);
    }
    return y;
  };

  const stem = { filters: low, kernelSize: 3, strides: 2, padding: 1 };
  let x = convBlock(input, at('conv1'), stem, wiring);
  x = depthwiseConvBlock(x, at('conv2_dw'), 1, wiring);
  x = depthwiseBlock(x, at('conv_23'), low, 2, 2 * low, wiring);
  const map1 = residuals(x, 'conv_3', depths[0], low, 2 * low);
  x = depthwiseBlock(map1, at('conv_34'), mid, 2, 2 * mid, wiring);
  const map2 = residuals(x, 'conv_4', depths[1], mid, 2 * mid);
  x = depthwiseBlock(map2, at('conv_45'), mid, 2, 4 * mid, wiring);
  x = residuals(x, 'conv_5', depths[2], mid, 2 * mid);
  const map3 = convBlock(x, at('conv_6_sep'), { filters: high, kernelSize: 1 }, wiring);
  return [map1, map2, map3];
}

/** conv 1×1 to `hidden` → depthwise 3×3/s → linear conv 1×1. */
function depthwiseBlock(
  input: Node,
  name: string,
  filters: number,
  strides: number,
  hidden: number,
  wiring: Wiring,
): Node {
  let x = convBlock(input, `${name}.conv`, { filters: hidden, kernelSize: 1 }, wiring);
  x = depthwiseConvBlock(x, `${name}.conv_dw`, strides, wiring);
  const project = `${name}.project`;
  x = conv(x, `${project}.conv`, { filters, kernelSize: 1, useBias: false }, wiring);
  return batchNorm(x, `${project}.bn`, wiring);
}

/** conv without bias → BN → PReLU */
function convBlock(
  input: Node,
  name: string,
  shape: { filters: number; kernelSize: number; strides?: number; padding?: number },
  wiring: Wiring,
): Node {
  return normalised(
    conv(input, `${name}.conv`, { ...shape, useBias: false }, wiring),
    name,
    wiring,
  );
}

function depthwiseConvBlock(input: Node, name: string, strides: number, wiring: Wiring): Node {
  const { seed, trainable } = wiring;
  const layer = new BtnDepthwiseConv2D({
    name: `${name}.conv`,
    kernelSize: 3,
    strides,
    padding: 1,
    trainable,
    seed: seed(),
  });
  return normalised(apply(layer, input), name, wiring);
}

function normalised(x: Node, name: string, wiring: Wiring): Node {
  return prelu(batchNorm(x, `${name}.bn`, wiring), `${name}.prelu`, wiring);
}
