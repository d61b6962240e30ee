import { type BtnConfigOptions, btnConfig, type Preset, presetNames } from '../../models/config.js';
import { type Augmentation, problemOfAugmentation } from '../../training/augmentation.js';
import { type DataType, dataTypes, isDataType } from '../../training/data_types.js';
import {
  baselineRecipe,
  type OptimizerKind,
  optimizerKinds,
  type Recipe,
  recipeOf,
} from '../../training/recipe.js';
import { type ScheduleKind, scheduleKinds } from '../../training/schedule.js';
import type { Pretrained } from '../models/pretrained.js';
import { UserError } from '../user_error.js';

/** What fixes a run: plain data, as it stands in `config.json`. */
export interface TrainSettings extends Recipe, Pretrained {
  /** The data set's folder, in the authors' layout. */
  data: string;
  /** Which data set it is: its classes and its recipe. */
  dataType: DataType;
  /** The network's size. */
  preset: Preset;
  /** Seed of weights, order, augmentation and masks; not 0. */
  seed: number;
  /** Weight λ of the ViT loss. */
  lambda: number;
  /** Whether the network has it, or its options. */
  multiLevelAttention: NonNullable<BtnConfigOptions['multiLevelAttention']>;
  /** Whether the network has it, or its options. */
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

/** Settings that are chosen; of augmentation, each part on its own. */
export interface GivenSettings extends Partial<Omit<TrainSettings, 'augmentation'>> {
  /** Parts that are absent are those of the recipe. */
  augmentation?: Partial<Augmentation>;
}

/** All settings, with the types that their values in a `config.json` have. */
const types: Record<keyof TrainSettings, readonly string[]> = {
  data: ['string'],
  dataType: ['string'],
  preset: ['string'],
  seed: ['number'],
  lambda: ['number'],
  multiLevelAttention: ['boolean', 'object'],
  batchTransformer: ['boolean', 'object'],
  learningRate: ['number'],
  schedule: ['string'],
  decay: ['number'],
  decayEpochs: ['number'],
  warmupEpochs: ['number'],
  optimizer: ['string'],
  momentum: ['number'],
  weightDecay: ['number'],
  clipNorm: ['number'],
  labelSmoothing: ['number'],
  classWeights: ['string', 'object'],
  batchSize: ['number'],
  microBatch: ['number'],
  epochs: ['number'],
  augmentation: ['object'],
  samRho: ['number'],
  samAdaptive: ['boolean'],
  classBalanced: ['boolean'],
  validation: ['number'],
  keepCheckpoints: ['number'],
  pretrainedIr50: ['string'],
  pretrainedMobilefacenet: ['string'],
  initialWeights: ['string'],
};

const keys = Object.keys(types) as (keyof TrainSettings)[];

/** Settings that belong to another, with the defaults that come with its values (PyTorch's, of `step` ours). */
const ofOptimizer: Record<OptimizerKind, Pick<TrainSettings, 'momentum' | 'weightDecay'>> = {
  adam: { weightDecay: 0 },
  adamw: { weightDecay: 0.01 },
  sgd: { momentum: 0.9, weightDecay: 0 },
};
const ofSchedule: Record<ScheduleKind, Pick<TrainSettings, 'decay' | 'decayEpochs'>> = {
  exponential: { decay: 0.98 },
  cosine: {},
  step: { decay: 0.1, decayEpochs: 30 },
  constant: {},
};

/**
 * Settings of a new run: what is given, the recipe of the data type for the rest.
 *
 * @throws UserError when the data is not named, or a value is out of range.
 */
export function freshSettings(options: GivenSettings): TrainSettings {
  const { data, dataType = 'RAF-DB', preset = 'full' } = options;
  if (data === undefined) {
    throw new UserError(
      'InvalidSettings',
      '--data DIR is needed: the folder that holds train/ and test/',
    );
  }
  if (!isDataType(dataType)) {
    throw new UserError(
      'InvalidSettings',
      `--data_type is '${dataType}': use one of ${Object.keys(dataTypes).join(', ')}`,
    );
  }
  checkChoice('--preset', preset, presetNames);
  const defaults: TrainSettings = {
    data,
    dataType,
    preset,
    seed: 1,
    lambda: 1,
    multiLevelAttention: true,
    batchTransformer: true,
    ...runDefaults,
    ...recipeOf(dataType, preset),
  };
  return checked(mergedSettings(defaults, options));
}

/** Two checkpoints: the one before, in case that the last is damaged. */
const runDefaults = { validation: 0, keepCheckpoints: 2 };

/** Settings of a run that goes on: as they were, but for what is given anew. @throws UserError */
export function resumedSettings(saved: TrainSettings, options: GivenSettings): TrainSettings {
  // A run of an earlier version lacks the settings that came later.
  const complete = { ...runDefaults, ...baselineRecipe, ...saved };
  return checked(mergedSettings(complete, options));
}

/** The configuration of the network of a run. */
export function networkOf(settings: TrainSettings, numClasses: number) {
  const { preset, seed, multiLevelAttention, batchTransformer } = settings;
  return btnConfig(preset, { numClasses, seed, multiLevelAttention, batchTransformer });
}

/** Settings that JSON holds. @throws UserError for what is none, or has a value of another type. */
export function readSettings(json: unknown): GivenSettings {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new UserError('InvalidSettings', 'it is no object of settings');
  }
  for (const [key, value] of Object.entries(json)) {
    const allowed = Object.hasOwn(types, key) ? types[key as keyof TrainSettings] : undefined;
    if (!allowed) throw new UserError('InvalidSettings', `it has ${key}, which is no setting`);
    if (value === null || !allowed.includes(typeof value)) {
      const found = JSON.stringify(value);
      throw new UserError(
        'InvalidSettings',
        `${key} is ${found}: expected a value of type ${allowed.join(' or ')}`,
      );
    }
  }
  const settings = json as GivenSettings;
  return { ...settings, augmentation: { ...noAugmentation, ...settings.augmentation } };
}

/** What a run does not do, it does not do again. */
const noAugmentation: Augmentation = {
  flip: 0,
  affine: undefined,
  colorJitter: undefined,
  randAugment: undefined,
  erasing: undefined,
};

/**
 * Settings, with what is given in their place. With another optimizer or schedule, the settings that
 * belong to it begin at its defaults.
 */
export function mergedSettings<Settings extends GivenSettings>(
  settings: Settings,
  options: GivenSettings,
): Settings {
  const present = keys.filter((key) => options[key] !== undefined);
  const given: GivenSettings = Object.fromEntries(present.map((key) => [key, options[key]]));
  const isOther = (key: 'optimizer' | 'schedule') =>
    given[key] !== undefined && given[key] !== settings[key];
  const { momentum, weightDecay, decay, decayEpochs, ...others } = settings;
  const optimizer = isOther('optimizer')
    ? ofOptimizer[choiceOf('--optimizer', given.optimizer!, optimizerKinds)]
    : { momentum, weightDecay };
  const schedule = isOther('schedule')
    ? ofSchedule[choiceOf('--schedule', given.schedule!, scheduleKinds)]
    : { decay, decayEpochs };
  const augmentation = { ...settings.augmentation, ...given.augmentation };
  const merged = { ...others, ...optimizer, ...schedule, ...given, augmentation };
  return withoutUndefined(merged) as unknown as Settings;
}

function withoutUndefined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

function choiceOf<Choice extends string>(
  flag: string,
  value: Choice,
  choices: readonly Choice[],
): Choice {
  checkChoice(flag, value, choices);
  return value;
}

function checkChoice(flag: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  const others = choices.slice(0, -1).join(', ');
  throw new UserError(
    'InvalidSettings',
    `${flag} is '${value}': use ${others} or ${choices.at(-1)}`,
  );
}

type Range = [value: number | undefined, allowed: (value: number) => boolean, words: string];

const positive = (value: number) => value > 0;
const fromZero = (value: number) => value >= 0;
const part = (value: number) => value >= 0 && value < 1;

function checked(settings: TrainSettings): TrainSettings {
  const { optimizer, schedule, epochs } = settings;
  checkChoice('--optimizer', optimizer, optimizerKinds);
  checkChoice('--schedule', schedule, scheduleKinds);
  checkIntegers(settings);
  const ranges: Record<string, Range> = {
    '--lr': [settings.learningRate, positive, 'a positive number'],
    '--decay': [settings.decay, positive, 'a positive number'],
    '--lambda': [settings.lambda, fromZero, 'a number from 0 on'],
    '--sam-rho': [settings.samRho, fromZero, 'a number from 0 on'],
    '--weight-decay': [settings.weightDecay, fromZero, 'a number from 0 on'],
    '--clip-norm': [settings.clipNorm, fromZero, 'a number from 0 on'],
    '--momentum': [settings.momentum, part, 'a number from 0 to below 1'],
    '--label-smoothing': [settings.labelSmoothing, part, 'a number from 0 to below 1'],
    '--validation': [settings.validation, part, 'a number from 0 to below 1'],
    '--warmup-epochs': [
      settings.warmupEpochs,
      (value) => value >= 0 && value < epochs,
      `a number from 0 to below the ${epochs} of --epochs`,
    ],
  };
  for (const [flag, [value, allowed, words]] of Object.entries(ranges)) {
    if (value !== undefined && !(Number.isFinite(value) && allowed(value))) {
      throw new UserError('InvalidSettings', `${flag} must be ${words}, not ${value}`);
    }
  }
  checkBelonging(settings);
  checkClassWeights(settings.classWeights);
  const problem = problemOfAugmentation(settings.augmentation);
  if (problem !== undefined) throw new UserError('InvalidSettings', problem);
  return settings;
}

function checkIntegers(settings: TrainSettings): void {
  const integers = {
    '--keep-checkpoints': settings.keepCheckpoints,
    '--batch-size': settings.batchSize,
    '--micro-batch': settings.microBatch ?? 1,
    '--epochs': settings.epochs,
    '--decay-epochs': settings.decayEpochs ?? 1,
    '--seed': settings.seed,
  };
  for (const [flag, value] of Object.entries(integers)) {
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new UserError('InvalidSettings', `${flag} must be an integer from 1 on, not ${value}`);
    }
  }
}

/** What nothing would read is a mistake. */
function checkBelonging(settings: TrainSettings): void {
  const { optimizer, schedule, momentum, decay, decayEpochs, samAdaptive, samRho } = settings;
  if (momentum !== undefined && optimizer !== 'sgd') {
    throw new UserError('InvalidSettings', `--momentum is for --optimizer sgd, not ${optimizer}`);
  }
  if (decay !== undefined && !('decay' in ofSchedule[schedule])) {
    throw new UserError(
      'InvalidSettings',
      `--decay is for --schedule exponential or step, not ${schedule}`,
    );
  }
  if (decayEpochs !== undefined && schedule !== 'step') {
    throw new UserError(
      'InvalidSettings',
      `--decay-epochs is for --schedule step, not ${schedule}`,
    );
  }
  if (samAdaptive && samRho === 0) {
    throw new UserError('InvalidSettings', '--sam-adaptive needs a --sam-rho above 0');
  }
}

function checkClassWeights(classWeights: TrainSettings['classWeights']): void {
  const isList = Array.isArray(classWeights);
  const usable = isList
    ? classWeights.every((weight) => Number.isFinite(weight) && weight >= 0) &&
      classWeights.some((weight) => weight > 0)
    : classWeights === 'none' || classWeights === 'balanced';
  if (!usable) {
    const found = isList ? classWeights.join(',') : String(classWeights);
    throw new UserError(
      'InvalidSettings',
      `--class-weights is '${found}': use none, balanced, or numbers from 0 on, one a class`,
    );
  }
}
