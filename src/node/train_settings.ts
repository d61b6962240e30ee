import { type BtnConfigOptions, btnConfig, type Preset } from '../models/config.js';
import { type DataType, dataTypes, isDataType } from '../training/data_types.js';
import { type Recipe, recipeOf } from '../training/recipe.js';
import type { Pretrained } from './pretrained.js';
import { UserError } from './user_error.js';

/** What fixes a run: plain data, as it stands in `config.json`. */
export interface TrainSettings extends Recipe, Pretrained {
  /** The data set's folder, in the authors' layout. */
  data: string;
  dataType: DataType;
  preset: Preset;
  /** Seed of weights, order, augmentation and masks; not 0. */
  seed: number;
  /** Weight λ of the ViT loss. */
  lambda: number;
  multiLevelAttention: NonNullable<BtnConfigOptions['multiLevelAttention']>;
  batchTransformer: NonNullable<BtnConfigOptions['batchTransformer']>;
  /**
   * The part of `train/`, of each class alike, that is held out of training to choose the best epoch;
   * 0: the test split chooses it.
   */
  validation: number;
  /** How many of the last checkpoints to keep. */
  keepCheckpoints: number;
  /** File of the weights that the run began with, if not with random ones. */
  initialWeights?: string;
}

const keys = [
  'data',
  'dataType',
  'preset',
  'seed',
  'lambda',
  'multiLevelAttention',
  'batchTransformer',
  'learningRate',
  'decay',
  'batchSize',
  'microBatch',
  'epochs',
  'augmentation',
  'samRho',
  'classBalanced',
  'validation',
  'keepCheckpoints',
  'pretrainedIr50',
  'pretrainedMobilefacenet',
  'initialWeights',
] as const satisfies (keyof TrainSettings)[];

/**
 * Settings of a new run: what is given, the recipe of the data type for the rest.
 *
 * @throws UserError when the data is not named, or a value is out of range.
 */
export function freshSettings(options: Partial<TrainSettings>): TrainSettings {
  const { data, dataType = 'RAF-DB', preset = 'full' } = options;
  if (data === undefined) {
    throw new UserError('--data DIR is needed: the folder that holds train/ and test/');
  }
  if (!isDataType(dataType)) {
    throw new UserError(
      `--data_type is '${dataType}': use one of ${Object.keys(dataTypes).join(', ')}`,
    );
  }
  if (preset !== 'full' && preset !== 'tiny') {
    throw new UserError(`--preset is '${preset}': use full or tiny`);
  }
  return checked({
    data,
    dataType,
    preset,
    seed: 1,
    lambda: 1,
    multiLevelAttention: true,
    batchTransformer: true,
    ...runDefaults,
    ...recipeOf(dataType, preset),
    ...given(options),
  });
}

/** The checkpoint before is there for the case that the last is damaged. */
const runDefaults = { validation: 0, keepCheckpoints: 2 };

/** Settings of a run that goes on: as they were, but for what is given anew. @throws UserError */
export function resumedSettings(
  saved: TrainSettings,
  options: Partial<TrainSettings>,
): TrainSettings {
  return checked({ ...runDefaults, ...saved, ...given(options) });
}

/** The configuration of the network of a run. */
export function networkOf(settings: TrainSettings, numClasses: number) {
  const { preset, seed, multiLevelAttention, batchTransformer } = settings;
  return btnConfig(preset, { numClasses, seed, multiLevelAttention, batchTransformer });
}

function given(options: Partial<TrainSettings>): Partial<TrainSettings> {
  const present = keys.filter((key) => options[key] !== undefined);
  return Object.fromEntries(present.map((key) => [key, options[key]]));
}

function checked(settings: TrainSettings): TrainSettings {
  const { learningRate, decay, lambda, samRho, batchSize, epochs, seed } = settings;
  const positive = { '--lr': learningRate, '--decay': decay };
  for (const [flag, value] of Object.entries(positive)) {
    if (!(value > 0 && Number.isFinite(value))) {
      throw new UserError(`${flag} must be a positive number, not ${value}`);
    }
  }
  if (!(lambda >= 0 && Number.isFinite(lambda))) {
    throw new UserError(`--lambda must be a number from 0 on, not ${lambda}`);
  }
  if (!(samRho >= 0 && Number.isFinite(samRho))) {
    throw new UserError(`--sam-rho must be a number from 0 on, not ${samRho}`);
  }
  if (!(settings.validation >= 0 && settings.validation < 1)) {
    throw new UserError(
      `--validation must be a number from 0 to below 1, not ${settings.validation}`,
    );
  }
  const integers = {
    '--keep-checkpoints': settings.keepCheckpoints,
    '--batch-size': batchSize,
    '--micro-batch': settings.microBatch ?? 1,
    '--epochs': epochs,
    '--seed': seed,
  };
  for (const [flag, value] of Object.entries(integers)) {
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new UserError(`${flag} must be an integer from 1 on, not ${value}`);
    }
  }
  return settings;
}
