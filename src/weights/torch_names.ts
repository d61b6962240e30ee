/**
 * Which PyTorch name and layout each weight of our layers has.
 *
 * Layers of our networks are named by their module's path in the PyTorch network, so that a name is
 * the layer's plus what this table says. Names of POSTER V2: provenance baseline. Names below `mla`,
 * `class_query`, `class_key` and `cba`: ours, since those of the BTN authors are not public.
 */
import type { LayersModel, layers } from '@tensorflow/tfjs-layers';
import type { Weight } from '../layers/btn_layer.js';
import { weightName } from '../layers/weight_name.js';

/** How a weight of ours lies in memory, compared with PyTorch's. */
export type Layout =
  /** The same in both. */
  | 'same'
  /** `[in, out]` here, `[out, in]` there. */
  | 'dense'
  /** `[in, out]` here, `[out, in, 1, 1]` there. */
  | 'pointwise'
  /** `[height, width, in, out]` here, `[out, in, height, width]` there. */
  | 'conv'
  /** `[height, width, channels, 1]` here, `[channels, 1, height, width]` there. */
  | 'depthwise';

/** A weight of a model and how PyTorch knows it. */
export interface TorchWeight {
  name: string;
  layout: Layout;
  weight: Weight;
}

/** What follows the module's path; '' where the path itself is the name. */
type Names = Record<string, [suffix: string, layout: Layout]>;

const conv: Names = { kernel: ['weight', 'conv'], bias: ['bias', 'same'] };
const norm: Names = { gamma: ['weight', 'same'], beta: ['bias', 'same'] };
const twoDense = (first: string, second: string): Names => ({
  kernel1: [`${first}.weight`, 'dense'],
  bias1: [`${first}.bias`, 'same'],
  kernel2: [`${second}.weight`, 'dense'],
  bias2: [`${second}.bias`, 'same'],
});
const projection = (ours: string, theirs: string): Names => ({
  [`${ours}Kernel`]: [`${theirs}.weight`, 'dense'],
  [`${ours}Bias`]: [`${theirs}.bias`, 'same'],
});

const mlp = twoDense('fc1', 'fc2');
const selfAttention = { ...projection('input', 'qkv'), ...projection('output', 'proj') };
const encoding: Names = { embedding: ['embedding', 'same'] };

/** By class name of the layer, then by the weight's name in it. */
const namesOf = new Map<string, Names>([
  ['BtnConv2D', conv],
  ['Conv2D', conv],
  ['BtnDepthwiseConv2D', { kernel: ['weight', 'depthwise'] }],
  ['Dense', { kernel: ['weight', 'dense'], bias: ['bias', 'same'] }],
  [
    'BtnBatchNorm',
    {
      ...norm,
      movingMean: ['running_mean', 'same'],
      movingVariance: ['running_var', 'same'],
    },
  ],
  ['BtnLayerNorm', norm],
  ['BtnPReLU', { alpha: ['weight', 'same'] }],
  ['LayerScale', { gamma: ['', 'same'] }],
  ['ClassToken', { token: ['', 'same'] }],
  ['PositionEmbedding', { embedding: ['', 'same'] }],
  [
    'LandmarkAttention',
    {
      ...projection('keyValue', 'qkv'),
      ...projection('output', 'proj'),
      relativePositionBias: ['relative_position_bias_table', 'same'],
    },
  ],
  ['Mlp', mlp],
  ['SelfAttention', selfAttention],
  [
    'TransformerBlock',
    {
      ...part('norm1', 'norm1', norm),
      ...part('attention', 'attn', selfAttention),
      ...part('norm2', 'norm2', norm),
      ...part('mlp', 'mlp', mlp),
    },
  ],
  ['FeatureGate', twoDense('linear1', 'linear2')],
  ['SqueezeExcite', { kernel1: ['fc1.weight', 'pointwise'], kernel2: ['fc2.weight', 'pointwise'] }],
  [
    'MultiLevelAttention',
    {
      ...projection('query', 'query'),
      ...projection('key', 'key'),
      ...projection('value', 'value'),
      ...projection('output', 'output'),
      positionEmbedding: ['pos_embed', 'same'],
    },
  ],
  ['ChannelPositionalEncoding', encoding],
  ['BatchTransformer', part('encoder', 'encoder', encoding)],
]);

/** The only layers that are not named by their path: an output is called by its layer's name. */
const pathOf = new Map([['vit', 'VIT.head.linear']]);

/**
 * Every weight of a model, running statistics included, by its PyTorch name. A layer that this
 * library does not know gives `layer.weight` in its own layout.
 */
export function torchWeights(model: LayersModel): TorchWeight[] {
  return model.layers.flatMap((layer) =>
    layer.weights.map((weight) => {
      const local = weightName(layer, weight);
      const [suffix, layout] = namesOf.get(layer.getClassName())?.[local] ?? [local, 'same'];
      return { name: joinPath(modulePath(layer), suffix), layout, weight };
    }),
  );
}

/** The path of a layer's module in the PyTorch network. */
export function modulePath(layer: layers.Layer): string {
  return pathOf.get(layer.name) ?? layer.name;
}

/** Joins module names with dots, leaving out empty ones. */
export function joinPath(...names: string[]): string {
  return names.filter((name) => name !== '').join('.');
}

/** The names of a layer that another one is made of. */
function part(ours: string, theirs: string, names: Names): Names {
  return Object.fromEntries(
    Object.entries(names).map(([name, [suffix, layout]]) => [
      `${ours}/${name}`,
      [joinPath(theirs, suffix), layout],
    ]),
  );
}
