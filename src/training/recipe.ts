import type { Preset } from '../models/config.js';
import type { Augmentation } from './augmentation.js';
import { checkDataType, type DataType } from './data_types.js';
import type { ScheduleKind } from './schedule.js';

/**
 * Every `OptimizerKind`.
 *
 * @example
 * console.log(optimizerKinds.join(', ')); // adam, adamw, sgd
 */
export const optimizerKinds = ['adam', 'adamw', 'sgd'] as const;

/** An optimizer by its name in a recipe and in `--optimizer`. */
export type OptimizerKind = (typeof optimizerKinds)[number];

/** How to train: the authors' choices for a data set. */
export interface Recipe {
  /** After the warm-up, before any decay. */
  learningRate: number;
  /** How the learning rate goes on from there; see `learningRateAt`. */
  schedule: ScheduleKind;
  /** Factor of the learning rate: from epoch to epoch (`exponential`), or at each step (`step`). */
  decay?: number;
  /** Epochs between two steps of `step`. */
  decayEpochs?: number;
  /** Epochs in which the learning rate grows from nothing. */
  warmupEpochs: number;
  /** What moves the weights; SAM, where ρ is not 0, goes around it. */
  optimizer: OptimizerKind;
  /** μ of `sgd`. */
  momentum?: number;
  /** L2, of `adamw` decoupled. */
  weightDecay: number;
  /** The longest gradient, over all weights together; 0: any. */
  clipNorm: number;
  /** Part of each label that is spread over all classes. */
  labelSmoothing: number;
  /** `balanced`: each class weighs as much as the others, however many images it has. */
  classWeights: 'none' | 'balanced' | number[];
  /** Images of a step. */
  batchSize: number;
  /**
   * Most images in memory at once, of which batch normalisation takes its statistics; the batch
   * when absent.
   */
  microBatch?: number;
  /** Passes over the training images. */
  epochs: number;
  /** What happens to images before they are trained on. */
  augmentation: Augmentation;
  /** Size ρ of the neighbourhood of sharpness-aware minimisation; 0 for none. */
  samRho: number;
  /** Whether SAM measures it relative to each weight. */
  samAdaptive: boolean;
  /** Whether each class is equally likely in a batch, however many images it has. */
  classBalanced: boolean;
}

const aspect: [number, number] = [0.3, 3.3];

const erasingOf: Record<'RAF-DB' | 'AffectNet', NonNullable<Augmentation['erasing']>> = {
  'RAF-DB': { probability: 0.5, area: [0.02, 0.1], aspect },
  AffectNet: { probability: 1, area: [0.05, 0.05], aspect },
};

/** Provenance: published commands (learning rate, batch size, epochs). */
const published: Record<DataType, Pick<Recipe, 'learningRate' | 'batchSize' | 'epochs'>> = {
  'RAF-DB': { learningRate: 2e-5, batchSize: 64, epochs: 300 },
  'AffectNet-7': { learningRate: 0.8e-6, batchSize: 144, epochs: 100 },
  'AffectNet-8': { learningRate: 1e-6, batchSize: 144, epochs: 100 },
};

/**
 * What every recipe shares: nothing beyond POSTER V2's. Provenance: baseline.
 *
 * @example
 * console.log(baselineRecipe.optimizer, baselineRecipe.schedule); // adam exponential
 */
export const baselineRecipe = {
  schedule: 'exponential',
  warmupEpochs: 0,
  optimizer: 'adam',
  weightDecay: 0,
  clipNorm: 0,
  labelSmoothing: 0,
  classWeights: 'none',
  samAdaptive: false,
} as const;

/**
 * The tiny network starts from nothing, where the published rates suit pretrained backbones, and
 * learns for too short to overfit: erasing would only slow it down.
 */
const fromScratch: Recipe = {
  ...baselineRecipe,
  learningRate: 1e-3,
  decay: 0.8,
  batchSize: 16,
  microBatch: 8,
  epochs: 8,
  augmentation: { flip: 0.5 },
  samRho: 0,
  classBalanced: false,
};

/**
 * The recipe of a data set.
 *
 * @throws ArgumentError for a name that is none of `dataTypes`.
 *
 * @example
 * const { learningRate, batchSize, epochs } = recipeOf('RAF-DB', 'full');
 * console.log(learningRate, batchSize, epochs); // 0.00002 64 300
 *
 * Provenance: learning rate, batch size and epochs of `full` are published; the rest of
 * `full` is baseline; the recipe of `tiny` is ours.
 */
export function recipeOf(dataType: DataType, preset: Preset): Recipe {
  checkDataType(dataType);
  if (preset === 'tiny') return structuredClone(fromScratch);
  const family = dataType === 'RAF-DB' ? 'RAF-DB' : 'AffectNet';
  return {
    ...baselineRecipe,
    ...published[dataType],
    decay: 0.98,
    augmentation: { flip: 0.5, erasing: erasingOf[family] },
    samRho: 0.05,
    microBatch: 8,
    classBalanced: family === 'AffectNet',
  };
}
