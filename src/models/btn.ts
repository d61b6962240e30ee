/**
 * The Batch Transformer Network, and POSTER V2, which it extends.
 *
 * BTN: Her et al., "Batch Transformer: Look for Attention in Batch", IEEE Access 13 (2025),
 * arXiv 2407.04218. POSTER V2: Mao et al., arXiv 2301.12149.
 *
 * Provenance: backbones, fusion and classifier are baseline; the batch transformer and the outputs
 * are published; multi-level attention and the class maps are reconstructed.
 * Deviation: batch normalisation of the frozen landmark network uses its running statistics unless
 * `frozenStatistics: 'batch'` asks for what the authors' code does.
 */

import * as tfl from '@tensorflow/tfjs-layers';
import { BatchTransformer } from '../layers/batch_transformer.js';
import { seedArg } from '../layers/btn_layer.js';
import { ClassToken } from '../layers/class_token.js';
import { DropPath } from '../layers/drop_path.js';
import { FeatureGate } from '../layers/feature_gate.js';
import { LandmarkAttention } from '../layers/landmark_attention.js';
import { BtnLayerNorm } from '../layers/layer_norm.js';
import { LayerScale } from '../layers/layer_scale.js';
import { Mlp } from '../layers/mlp.js';
import { MultiLevelAttention } from '../layers/multi_level_attention.js';
import { PositionEmbedding } from '../layers/position_embedding.js';
import { SliceTokens } from '../layers/slice_tokens.js';
import { Subsample } from '../layers/subsample.js';
import { TransformerBlock } from '../layers/transformer_block.js';
import { ArgumentError } from '../ops/errors.js';
import { checkHeads } from '../ops/scaled_dot_product_attention.js';
import type { BtnConfig, ClassifierConfig, FusionConfig } from './config.js';
import { ir50Maps } from './ir50.js';
import { mobileFaceNetMaps } from './mobilefacenet.js';
import {
  apply,
  conv,
  type StartsFromZeros,
  seedSequence,
  type Wiring,
  wiredFromZeros,
} from './wiring.js';

type Node = tfl.SymbolicTensor;

/** Options of `btn`. */
export interface BtnBuildOptions {
  /**
   * Layers, by name, whose weights the caller sets right after: they start from zeros, which takes no
   * time, where random weights of a full network take seconds. Default: none.
   */
  startsFromZeros?: StartsFromZeros;
}

/**
 * A Batch Transformer Network as one flat LayersModel.
 *
 * Input `[B, inputSize, inputSize, 3]`, RGB normalised by ImageNet's mean and standard deviation.
 * Outputs, each `[B, numClasses]`: `vit`, the logits of each image alone; `bt` and `cba`, which
 * depend on which images share the batch. Without batch transformer: `vit` only.
 *
 * Call `predictOnBatch`, never `predict`, which splits the batch at 32.
 *
 * @param config From `btnConfig`.
 * @throws ArgumentError for sizes that are not multiples as `BtnConfig` says, or heads that do not divide a width.
 *
 * @example
 * const model = btn(btnConfig('tiny', { numClasses: 7 }));
 * const images = tf.zeros([2, 112, 112, 3]); // normalised, so this is a mean grey
 * const [vit, bt, cba] = model.predictOnBatch(images) as tf.Tensor[];
 * console.log(vit.shape, bt.shape, cba.shape); // [ 2, 7 ] [ 2, 7 ] [ 2, 7 ]
 *
 * Source: Her et al., IEEE Access 13 (2025), and POSTER V2, Mao et al., arXiv 2301.12149. Provenance: backbones,
 * fusion and classifier are baseline; batch transformer and outputs are published; multi-level attention and
 * the class maps are reconstructed.
 */
export function btn(
  config: BtnConfig,
  { startsFromZeros = () => false }: BtnBuildOptions = {},
): tfl.LayersModel {
  return wiredFromZeros(startsFromZeros, () => wireBtn(config));
}

function wireBtn(config: BtnConfig): tfl.LayersModel {
  const { inputSize, backboneSize, numClasses, classifier } = config;
  checkSizes(inputSize, backboneSize);
  checkParts(config);
  const wiring: Wiring = { seed: seedSequence(config.seed), trainable: true };
  const input = tfl.input({ shape: [inputSize, inputSize, 3], name: 'image' });
  const stride = inputSize / backboneSize;
  const small = stride === 1 ? input : apply(new Subsample({ name: 'subsample', stride }), input);

  const imageMaps = ir50Maps(small, { ...config.image, seed: wiring.seed() }, 'ir_back');
  const landmarkMaps = mobileFaceNetMaps(
    small,
    { ...config.landmarks, seed: wiring.seed() },
    'face_landback',
  );
  const levels = fuse(imageMaps, landmarkMaps, config.fusion, classifier.width, wiring);
  let tokens = apply(tfl.layers.concatenate({ name: 'tokens', axis: 1 }), levels);
  if (config.multiLevelAttention) {
    // The concatenation is one level to the layer: with three outputs it would run three times.
    const options = { ...config.multiLevelAttention, seed: wiring.seed() };
    tokens = apply(new MultiLevelAttention({ name: 'mla', ...options }), tokens);
  }
  const vit = classify(tokens, classifier, numClasses, wiring);
  if (!config.batchTransformer) return tfl.model({ inputs: input, outputs: vit, name: 'posterV2' });

  const [begin, count] = lastLevelOf(levels);
  const lastLevel = apply(new SliceTokens({ name: 'level3', begin, count }), tokens);
  const options = { ...config.batchTransformer, seed: wiring.seed() };
  const [cba] = new BatchTransformer({ name: 'cba', ...options }).apply([
    classMap(lastLevel, 'class_query', numClasses, wiring),
    classMap(lastLevel, 'class_key', numClasses, wiring),
    vit,
  ]) as Node[];
  // The layer's second output, computed from its first: using both would run it twice.
  const bt = apply(tfl.layers.add({ name: 'bt' }), [cba!, vit]);
  return tfl.model({ inputs: input, outputs: [vit, bt, cba!], name: 'btn' });
}

/** Image and landmark maps of three levels → three token maps `[B, 49, width]` (at full size). */
function fuse(
  imageMaps: [Node, Node, Node],
  landmarkMaps: [Node, Node, Node],
  { numHeads, dropPath, layerScale }: FusionConfig,
  width: number,
  wiring: Wiring,
): Node[] {
  const landmarks = [...landmarkMaps];
  landmarks[2] = conv(
    landmarks[2]!,
    'last_face_conv',
    { filters: imageMaps[2].shape.at(-1)!, kernelSize: 3, padding: 1 },
    wiring,
  );
  const halve = { kernelSize: 3, strides: 2, padding: 1 };
  // Nothing rectifies these: they start as PyTorch's do, so that positions are not drowned.
  const linear = { filters: width, initialGain: 1 / 3 };
  const toWidth = { ...halve, ...linear };
  const fused = imageMaps.map((map, i) => {
    const level = i + 1;
    const image = conv(map, `conv${level}`, { ...halve, filters: map.shape.at(-1)! }, wiring);
    const block = { level, numHeads: numHeads[i]!, dropPath: dropPath[i]!, layerScale };
    return fusionBlock(image, landmarks[i]!, block, wiring);
  }) as [Node, Node, Node];
  const embedded = [
    conv(conv(fused[0], 'embed_q.0', toWidth, wiring), 'embed_q.1', toWidth, wiring),
    conv(fused[1], 'embed_k.0', toWidth, wiring),
    conv(fused[2], 'embed_v.proj', { ...linear, kernelSize: 1 }, wiring),
  ];
  return embedded.map((map, i) => toTokens(map, `level${i + 1}.tokens`));
}

/** Landmarks look at the image; the normalised image, not the raw one, is the shortcut. */
function fusionBlock(
  image: Node,
  landmarks: Node,
  block: { level: number; numHeads: number; dropPath: number; layerScale: number },
  { seed }: Wiring,
): Node {
  const { level, numHeads, dropPath, layerScale } = block;
  const ffn = `ffn${level}`;
  const scaled = (x: Node, i: number) => {
    const gamma = new LayerScale({ name: `${ffn}.gamma${i}`, initialScale: layerScale });
    return apply(new DropPath({ name: `${ffn}.drop_path${i}`, rate: dropPath }), apply(gamma, x));
  };
  const sum = (name: string, nodes: Node[]) =>
    apply(tfl.layers.add({ name: `${ffn}.${name}` }), nodes);

  const [, height, width, channels] = image.shape;
  const shortcut = apply(
    new BtnLayerNorm({ name: `window${level}.norm` }),
    toTokens(image, `image${level}.tokens`),
  );
  const attention = new LandmarkAttention({ name: `attn${level}`, numHeads, seed: seed() });
  const asked = apply(attention, [shortcut, toTokens(landmarks, `landmarks${level}.tokens`)]);
  const attended = sum('attended', [shortcut, scaled(asked, 1)]);
  const normalised = apply(new BtnLayerNorm({ name: `${ffn}.norm` }), attended);
  const fed = apply(new Mlp({ name: `${ffn}.mlp`, seed: seed() }), normalised);
  const fused = sum('fed', [attended, scaled(fed, 2)]);
  const targetShape = [height!, width!, channels!];
  return apply(tfl.layers.reshape({ name: `${ffn}.map`, targetShape }), fused);
}

/** Tokens → class token, positions, transformer blocks, norm, gate, logits. */
function classify(
  tokens: Node,
  { depth, numHeads, positionScale }: ClassifierConfig,
  numClasses: number,
  { seed }: Wiring,
): Node {
  let x = apply(new ClassToken({ name: 'VIT.cls_token', seed: seed() }), tokens);
  const position = { initialScale: positionScale, seed: seed() };
  x = apply(new PositionEmbedding({ name: 'VIT.pos_embed', ...position }), x);
  for (let i = 0; i < depth; i++) {
    x = apply(new TransformerBlock({ name: `VIT.blocks.${i}`, numHeads, seed: seed() }), x);
  }
  x = apply(new BtnLayerNorm({ name: 'VIT.norm', epsilon: 1e-6 }), x);
  x = apply(new SliceTokens({ name: 'VIT.class', begin: 0, count: 1 }), x);
  x = apply(tfl.layers.flatten({ name: 'VIT.features' }), x);
  x = apply(new FeatureGate({ name: 'VIT.se_block', seed: seed() }), x);
  const kernelInitializer = tfl.initializers.leCunNormal(seedArg(seed()));
  return apply(tfl.layers.dense({ name: 'vit', units: numClasses, kernelInitializer }), x);
}

/** `[B, 49, D]` → `[B, C, 49]` */
function classMap(tokens: Node, name: string, numClasses: number, { seed }: Wiring): Node {
  // Small at the start, so that batch attention begins near uniform and does not saturate.
  const kernelInitializer = tfl.initializers.truncatedNormal({ stddev: 0.02, ...seedArg(seed()) });
  const layer = tfl.layers.dense({ name, units: numClasses, kernelInitializer });
  const scores = apply(layer, tokens);
  return apply(tfl.layers.permute({ name: `${name}.map`, dims: [2, 1] }), scores);
}

/** Where the tokens of the last level begin in the concatenation of all, and how many they are. */
function lastLevelOf(levels: Node[]): [begin: number, count: number] {
  const counts = levels.map((level) => level.shape[1]!);
  const count = counts.at(-1)!;
  return [counts.reduce((sum, n) => sum + n, 0) - count, count];
}

/** Before any layer has weights, which would stay behind when a later one cannot be made. */
function checkParts({ image, fusion, classifier, ...parts }: BtnConfig): void {
  image.widths.forEach((width, i) => {
    checkHeads(`btn: fusion level ${i + 1}`, width, fusion.numHeads[i]!);
  });
  checkHeads('btn: classifier', classifier.width, classifier.numHeads);
  const { multiLevelAttention, batchTransformer } = parts;
  if (multiLevelAttention) {
    const { numHeads = 8 } = multiLevelAttention;
    checkHeads('btn: multiLevelAttention', classifier.width, numHeads);
    new MultiLevelAttention({ name: 'mla', ...multiLevelAttention });
  }
  if (batchTransformer) new BatchTransformer({ name: 'cba', ...batchTransformer });
}

function checkSizes(inputSize: number, backboneSize: number): void {
  if (!(Number.isInteger(backboneSize / 56) && backboneSize > 0)) {
    throw new ArgumentError(`btn: backboneSize must be a multiple of 56, not ${backboneSize}`);
  }
  if (!(Number.isInteger(inputSize / backboneSize) && inputSize > 0)) {
    throw new ArgumentError(
      `btn: inputSize must be a multiple of backboneSize ${backboneSize}, not ${inputSize}`,
    );
  }
}

/** `[B, H, W, D]` → `[B, H·W, D]` */
function toTokens(map: Node, name: string): Node {
  const [, height, width, channels] = map.shape;
  const targetShape = [height! * width!, channels!];
  return apply(tfl.layers.reshape({ name, targetShape }), map);
}
