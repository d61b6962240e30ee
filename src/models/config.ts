import type { ChannelEncoding } from '../layers/channel_positional_encoding.js';
import type { MultiLevelAttentionConfig } from '../layers/multi_level_attention.js';
import { ArgumentError } from '../ops/errors.js';

/** Stages 1–3 of an improved residual network (IR). */
export interface Ir50Config {
  /** `irSe` adds a squeeze-excite gate at the end of each residual. */
  mode: 'ir' | 'irSe';
  /** Channels of the three stages; the stem has as many as the first. */
  widths: [number, number, number];
  /** Units of the three stages. */
  depths: [number, number, number];
  /** Seed of the initial weights; random when absent. */
  seed?: number;
}

/** Size and training of `mobileFaceNet`. */
export interface MobileFaceNetConfig {
  /** Channels of the three maps. */
  widths: [number, number, number];
  /** Residual blocks before each map. */
  depths: [number, number, number];
  /** Whether the network learns. */
  trainable: boolean;
  /**
   * Batch normalisation of a network that does not learn: `running` statistics leave it as it is,
   * `batch` is what the authors' code does.
   */
  frozenStatistics: 'running' | 'batch';
  /** Seed of the initial weights; random when absent. */
  seed?: number;
}

/** The cross-attention of landmarks to the image, at three levels. */
export interface FusionConfig {
  /** Attention heads of the three levels. */
  numHeads: [number, number, number];
  /** Rate of stochastic depth of the three levels. */
  dropPath: [number, number, number];
  /** Start of the layer scales γ. */
  layerScale: number;
}

/** The vision transformer that classifies the fused tokens. */
export interface ClassifierConfig {
  /** Token width D. */
  width: number;
  /** Transformer blocks. */
  depth: number;
  /** Attention heads; must divide the width. */
  numHeads: number;
  /** Standard deviation that the position embedding starts from. */
  positionScale: number;
}

/** The multi-level attention of a BTN; see the layer `MultiLevelAttention`. */
export type MultiLevelAttentionOptions = Pick<
  MultiLevelAttentionConfig,
  'numHeads' | 'valueProjection' | 'outputProjection' | 'positionEmbedding' | 'dropout'
>;

/** The batch transformer of a BTN; see the layer `BatchTransformer`. */
export interface BatchTransformerOptions {
  /** Channel encoding of query and key. Default `sinusoidal`. */
  encoding?: ChannelEncoding;
  /** Factor of the scores. Default `1 / sqrt(C)`, C the class count. */
  scale?: number;
}

/** Everything that makes a BTN: plain data, as it stands in `config.json`. */
export interface BtnConfig {
  /** C, from 2 on. */
  numClasses: number;
  /** Side of the input in pixels: a multiple of `backboneSize`. */
  inputSize: number;
  /**
   * Side of what both backbones see, a multiple of 56; the paper's is 112. Of an input of 224, that is
   * every second row and column.
   */
  backboneSize: number;
  /** The image backbone. */
  image: Omit<Ir50Config, 'seed'>;
  /** The landmark backbone. */
  landmarks: Omit<MobileFaceNetConfig, 'seed'>;
  /** How the maps of the two become tokens. */
  fusion: FusionConfig;
  /** What gives the logits `vit` from them. */
  classifier: ClassifierConfig;
  /** Options of the layer, or false to leave it out. */
  multiLevelAttention: MultiLevelAttentionOptions | false;
  /** Options of the layer, or false to leave it out: both false is POSTER V2. */
  batchTransformer: BatchTransformerOptions | false;
  /** Seed of the initial weights; random when absent. */
  seed?: number;
}

/** The paper's network, or one of the same topology that trains in minutes on a CPU. */
export type Preset = 'full' | 'tiny';

/** What a BTN differs in from its preset. */
export interface BtnConfigOptions {
  /** 7 or 8 in the paper; any number from 2 on. */
  numClasses: number;
  /** Default: on. */
  multiLevelAttention?: MultiLevelAttentionOptions | boolean;
  /** Default: on. */
  batchTransformer?: BatchTransformerOptions | boolean;
  /** Seed of the initial weights; random when absent. */
  seed?: number;
}

/**
 * The IR-50 of the paper, which gives the image features.
 *
 * @example
 * const config = btnConfig('full', { numClasses: 7 });
 * config.image = { ...fullIr50, mode: 'irSe' }; // with squeeze-excite gates
 * console.log(config.image.depths); // [ 3, 4, 14 ]
 */
export const fullIr50: Ir50Config = { mode: 'ir', widths: [64, 128, 256], depths: [3, 4, 14] };

/**
 * The MobileFaceNet of the paper, which gives the landmark features: frozen, with the statistics of its pretraining.
 *
 * @example
 * const config = btnConfig('full', { numClasses: 7 });
 * config.landmarks = { ...fullMobileFaceNet, frozenStatistics: 'batch' }; // as the authors' code has it
 * console.log(config.landmarks.trainable); // false
 */
export const fullMobileFaceNet: MobileFaceNetConfig = {
  widths: [64, 128, 512],
  depths: [4, 6, 2],
  trainable: false,
  frozenStatistics: 'running',
};

const presets: Record<
  Preset,
  Pick<BtnConfig, 'inputSize' | 'backboneSize' | 'image' | 'landmarks' | 'fusion' | 'classifier'>
> = {
  full: {
    inputSize: 224,
    backboneSize: 112,
    image: fullIr50,
    landmarks: fullMobileFaceNet,
    fusion: { numHeads: [2, 4, 8], dropPath: [0, 0.125, 0.25], layerScale: 1e-5 },
    classifier: { width: 768, depth: 2, numHeads: 8, positionScale: 0.02 },
  },
  tiny: {
    inputSize: 112,
    backboneSize: 56,
    image: { mode: 'ir', widths: [8, 16, 32], depths: [1, 1, 2] },
    landmarks: {
      widths: [8, 16, 64],
      depths: [1, 1, 1],
      trainable: true,
      frozenStatistics: 'running',
    },
    fusion: { numHeads: [1, 2, 4], dropPath: [0, 0, 0], layerScale: 0.1 },
    // From scratch, a class token must tell places apart from the first step on.
    classifier: { width: 64, depth: 1, numHeads: 8, positionScale: 1 },
  },
};

/**
 * Every `Preset`.
 *
 * @example
 * console.log(presetNames.join(' or ')); // full or tiny
 */
export const presetNames = Object.keys(presets) as Preset[];

/**
 * A plain, serializable configuration of a BTN.
 *
 * @param preset `full` is the paper's network. `tiny` has the same topology at half the resolution and
 *   a size that two cores train in minutes; its landmark network learns, since no pretrained one
 *   exists for it.
 * @throws ArgumentError when `numClasses` is not an integer from 2 on, or the preset is unknown.
 *
 * @example
 * const { inputSize, classifier } = btnConfig('full', { numClasses: 7 });
 * console.log(inputSize, classifier.width); // 224 768
 * const parts = { multiLevelAttention: false, batchTransformer: false };
 * const posterV2 = btn(btnConfig('tiny', { numClasses: 7, ...parts }));
 * console.log(posterV2.outputNames); // [ 'vit' ]
 */
export function btnConfig(
  preset: Preset,
  { numClasses, multiLevelAttention = true, batchTransformer = true, seed }: BtnConfigOptions,
): BtnConfig {
  if (!Object.hasOwn(presets, preset)) {
    throw new ArgumentError(`btnConfig: preset must be 'full' or 'tiny', not '${preset}'`);
  }
  if (!Number.isInteger(numClasses) || numClasses < 2) {
    throw new ArgumentError(
      `btnConfig: numClasses must be an integer from 2 on, not ${numClasses}`,
    );
  }
  return structuredClone({
    numClasses,
    ...presets[preset],
    multiLevelAttention: multiLevelAttention === true ? {} : multiLevelAttention,
    batchTransformer: batchTransformer === true ? {} : batchTransformer,
    ...(seed !== undefined && { seed }),
  });
}
