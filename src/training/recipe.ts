import type { Preset } from '../models/config.js';
import type { Augmentation } from './augmentation.js';
import type { DataType } from './data_types.js';

/** How to train: the authors' choices for a data set. */
export interface Recipe {
  learningRate: number;
  /** Factor of the learning rate from epoch to epoch. */
  decay: number;
  batchSize: number;
  /**
   * Most images in memory at once, of which batch normalisation takes its statistics; the batch
   * when absent.
   */
  microBatch?: number;
  epochs: number;
  augmentation: Augmentation;
  /** Size ρ of the neighbourhood of sharpness-aware minimisation; 0 for none. */
  samRho: number;
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
 * The tiny network starts from nothing, where the published rates suit pretrained backbones, and
 * learns for too short to overfit: erasing would only slow it down.
 */
const fromScratch = {
  learningRate: 1e-3,
  decay: 0.8,
  batchSize: 16,
  epochs: 8,
  augmentation: { flip: 0.5 },
  samRho: 0,
  classBalanced: false,
};

/**
 * The recipe of a data set.
 *
 * Provenance: learning rate, batch size and epochs of `full` are published; the rest of
 * `full` is baseline; the recipe of `tiny` is ours.
 */
export function recipeOf(dataType: DataType, preset: Preset): Recipe {
  if (preset === 'tiny') return structuredClone(fromScratch);
  const family = dataType === 'RAF-DB' ? 'RAF-DB' : 'AffectNet';
  return {
    ...published[dataType],
    decay: 0.98,
    augmentation: { flip: 0.5, erasing: erasingOf[family] },
    samRho: 0.05,
    microBatch: 8,
    classBalanced: family === 'AffectNet',
  };
}
