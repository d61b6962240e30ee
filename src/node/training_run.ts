import { basename, join, resolve } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn } from '../models/btn.js';
import { Adam, AdamW } from '../training/adam.js';
import { clipped } from '../training/clipped.js';
import { classNamesOf, isDataType } from '../training/data_types.js';
import { holdOut } from '../training/hold_out.js';
import { type BtnLossOptions, balancedClassWeights } from '../training/loss.js';
import type { Optimizer } from '../training/optimizer.js';
import { Sam } from '../training/sam.js';
import { Sgd } from '../training/sgd.js';
import { describeModel, loadBtn, metadataOf } from './btn_files.js';
import {
  type Checkpoint,
  checkpointFolder,
  type DamagedCheckpoint,
  disposeState,
  forgetBeyond,
  holdsProgress,
  loadCheckpoint,
  problemOf,
  readProgress,
} from './checkpoint.js';
import { dataFingerprint } from './data_fingerprint.js';
import { type Duplicate, duplicatesAcross, duplicatesText } from './duplicates.js';
import { type ImageFolder, imageFolder, type LabelledImage } from './image_folder.js';
import { type ImageSource, imageSource } from './image_source.js';
import { loadPretrained } from './pretrained.js';
import type { Evaluation } from './report.js';
import { withConfig } from './run_config.js';
import {
  copyCheckpoint,
  createRun,
  type EpochLog,
  newRunName,
  type RunFolder,
  removeRun,
  reopenRun,
  runFolder,
  setAside,
  writeDuplicates,
  writeLog,
} from './run_folder.js';
import type { ReportedEpoch } from './run_report.js';
import type { ParallelModel } from './threads/parallel_model.js';
import type { TrainOptions, TrainReporter } from './train_options.js';
import { freshSettings, networkOf, resumedSettings, type TrainSettings } from './train_settings.js';
import { UserError } from './user_error.js';
import { isWeightsFile } from './weights_file.js';

/** The epoch whose model is kept as the best. */
export interface BestEpoch {
  epoch: number;
  /** On the images that chose it: those held out of training, else the test split. */
  evaluation: Evaluation;
}

/** Sums over the images of the epoch under way. */
export interface Sums {
  images: number;
  right: number;
  seconds: number;
  total: number;
  vit: number;
  bt?: number;
  cba?: number;
}

/**
 * Where a run stands: saved with each checkpoint.
 *
 * With the weights (which hold the running averages of batch normalisation) and the optimizer's state
 * it is all that a run is made of. There is no state of a random generator or a sampler: the order of
 * an epoch, augmentation, random masks and held-out images are functions of seed, epoch and position;
 * the learning rate is one of settings, epoch and position.
 */
export interface Progress {
  settings: TrainSettings;
  /** The epoch under way, from 0 on. */
  epoch: number;
  /** How many images of the epoch's order are done. */
  position: number;
  /** Of the files that it is the order of. */
  dataFingerprint: string;
  sums: Sums;
  log: EpochLog[];
  best?: BestEpoch;
  /** The best epoch's model on the test split, where held-out images chose it: at the end of a run. */
  test?: BestEpoch;
}

export interface Run {
  model: LayersModel;
  /** The model in threads, where there is more than one. */
  parallel?: ParallelModel;
  optimizer: Optimizer;
  progress: Progress;
  folder: RunFolder;
  train: ImageSource;
  /** Held out of training, where the settings ask for it. */
  validation?: ImageSource;
  test: ImageSource;
  /** How the loss is computed. */
  loss: BtnLossOptions;
  /** Training files in the order of `train`. */
  files: readonly LabelledImage[];
  /** Whether the folder is one that this run made and nothing was trained before. */
  isNew: boolean;
  /** What the report shows of the best epoch; absent while that is one of before the run went on. */
  reported?: ReportedEpoch;
}

export const noSums: Sums = { images: 0, right: 0, seconds: 0, total: 0, vit: 0 };

/**
 * Opens the run that the options ask for: a new one, one from weights alone, or one that goes on.
 *
 * @throws as `train`.
 */
export async function openRun(given: TrainOptions): Promise<Run> {
  const options = await withConfig(given);
  const { resume, rename } = options;
  if (rename !== undefined && (resume === undefined || !(await isWeightsFile(resume)))) {
    throw new UserError(
      'InvalidSettings',
      '--rename is for a PyTorch or safetensors file given with --resume',
    );
  }
  if (resume === undefined) return newRun(options);
  if (options.pretrainedIr50 !== undefined || options.pretrainedMobilefacenet !== undefined) {
    throw new UserError(
      'InvalidSettings',
      '--pretrained-… is for a new run: --resume brings all weights',
    );
  }
  return (await isModelAlone(resume)) ? newRun(options) : resumedRun(options);
}

/** Whether a path holds weights, but nothing of how far training went. */
async function isModelAlone(path: string): Promise<boolean> {
  return (
    (await isWeightsFile(path)) || !(await holdsProgress(await checkpointFolder(path, 'last')))
  );
}

async function newRun(options: TrainOptions): Promise<Run> {
  const { model, settings, images, notes } = await newModel(options);
  try {
    for (const note of notes) options.reporter?.loaded?.(note);
    const folder = await createRun(options.out ?? newRunName(settings), settings);
    const size = inputSizeOf(model);
    const sources = await openSources(images, settings, size, options)
      .then(async ({ duplicates, ...opened }) => {
        await tellDuplicates(folder, duplicates, options.reporter);
        return opened;
      })
      .catch(async (error: unknown) => {
        await removeRun(folder);
        throw error;
      });
    const progress = {
      settings,
      epoch: 0,
      position: 0,
      dataFingerprint: dataFingerprint(images),
      sums: noSums,
      log: [],
    };
    const optimizer = optimizerOf(settings);
    const loss = lossOf(settings, sources.files);
    return { model, optimizer, progress, folder, loss, isNew: true, ...sources };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function inputSizeOf(model: LayersModel): number {
  return model.inputs[0]!.shape[1]!;
}

interface NewModel {
  model: LayersModel;
  settings: TrainSettings;
  images: ImageFolder;
  /** A line on each file of weights. */
  notes: string[];
}

/** The network that a new run begins with; settings and data are looked at before it is made. */
async function newModel(options: TrainOptions): Promise<NewModel> {
  const settings = freshSettings(options);
  if (options.resume !== undefined) return modelOfWeights(options.resume, options);
  const { preset, data, dataType } = settings;
  const images = await imageFolder(data, dataType);
  const classNames = classNamesOf(dataType);
  const config = networkOf(settings, classNames.length);
  const model = btn(config);
  describeModel(model, { preset, config, dataType, classNames });
  try {
    return { model, settings, images, notes: await loadPretrained(model, settings) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** A network from its weights alone: a new run, of which these are the start. */
async function modelOfWeights(path: string, options: TrainOptions): Promise<NewModel> {
  const { model, metadata, notes } = await loadBtn(path, options);
  const { preset, dataType, config } = metadata;
  const { multiLevelAttention, batchTransformer } = config;
  const ofFile = { preset, dataType, multiLevelAttention, batchTransformer, initialWeights: path };
  try {
    const settings = freshSettings({ ...options, ...ofFile });
    return { model, settings, images: await imageFolder(settings.data, dataType), notes };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function optimizerOf(settings: TrainSettings): Optimizer {
  const { optimizer, momentum, weightDecay, clipNorm, samRho, samAdaptive } = settings;
  const makers = {
    adam: () => new Adam({ weightDecay }),
    adamw: () => new AdamW({ weightDecay }),
    sgd: () => new Sgd({ momentum, weightDecay }),
  };
  const base = makers[optimizer]();
  const limited = clipNorm > 0 ? clipped(base, clipNorm) : base;
  return samRho > 0 ? new Sam(limited, { rho: samRho, adaptive: samAdaptive }) : limited;
}

/** @throws UserError where there is not a weight for each class. */
function lossOf(
  { lambda, labelSmoothing, classWeights, dataType }: TrainSettings,
  files: readonly LabelledImage[],
): BtnLossOptions {
  if (classWeights === 'none') return { lambda, labelSmoothing };
  const { length } = classNamesOf(dataType);
  const labels = files.map(({ label }) => label);
  const weights = classWeights === 'balanced' ? balancedClassWeights(labels, length) : classWeights;
  if (weights.length !== length) {
    throw new UserError(
      'InvalidSettings',
      `--class-weights has ${weights.length} weights: ${dataType} has ${length} classes`,
    );
  }
  return { lambda, labelSmoothing, classWeights: weights };
}

/** Images that come or go change which are held out, and the order of an epoch under way. */
function checkSameData(
  before: Progress,
  { data, validation }: TrainSettings,
  fingerprint: string,
  reporter: TrainReporter | undefined,
): void {
  if (before.dataFingerprint === fingerprint) return;
  const what = `the images in ${data} are not those that the run was begun with`;
  if (validation > 0) {
    throw new UserError(
      'InvalidSettings',
      `${what}: held-out images would be others, some of them trained on; begin a new run`,
    );
  }
  reporter?.warned?.(`${what}: it goes on with these`);
}

async function resumedRun(options: TrainOptions): Promise<Run> {
  const { reporter, out } = options;
  const checkpoint = await loadCheckpoint<unknown>(options.resume!);
  const { model, optimizer: state, progress, dir: from, damaged } = checkpoint;
  let optimizer: Optimizer | undefined;
  try {
    if (!isProgress(progress)) {
      const path = join(from, 'progress.json');
      throw new UserError(
        'InvalidCheckpoint',
        `${path} is damaged: it does not say where a run stands`,
      );
    }
    tellDamaged(checkpoint, progress, reporter);
    metadataOf(model, from, options);
    const settings = resumedSettings(progress.settings, options);
    checkSameSplit(progress.settings, settings);
    checkSameOptimizer(progress.settings, settings);
    optimizer = optimizerOf(settings);
    optimizer.setState(state);
    const images = await imageFolder(settings.data, settings.dataType);
    const ofData = dataFingerprint(images);
    checkSameData(progress, settings, ofData, reporter);
    const { duplicates, ...sources } = await openSources(
      images,
      settings,
      inputSizeOf(model),
      options,
    );
    if (damaged.length === 0) await checkIsLatest(from, out, progress);
    const best = await bestOf(from, progress, reporter);
    const resumed = {
      ...progress,
      settings,
      dataFingerprint: ofData,
      best: best && progress.best,
    };
    const folder = await resumedFolder(from, out, resumed, best?.dir);
    if (folder.out === runOf(from)) await tidy(folder, damaged, settings.keepCheckpoints);
    await tellDuplicates(folder, duplicates, reporter);
    return {
      model,
      optimizer,
      progress: resumed,
      folder,
      loss: lossOf(settings, sources.files),
      isNew: false,
      ...sources,
    };
  } catch (error) {
    optimizer?.dispose();
    model.dispose();
    throw error;
  } finally {
    disposeState(state);
  }
}

/** Finishes what a save that was cut short left to do, with damaged checkpoints out of the way. */
async function tidy(
  { last, best }: RunFolder,
  damaged: readonly DamagedCheckpoint[],
  keep: number,
): Promise<void> {
  for (const { dir } of damaged) await setAside(dir);
  await forgetBeyond(last, keep);
  await forgetBeyond(best, 1);
}

function tellDamaged(
  { dir: from, damaged }: Checkpoint<unknown>,
  { epoch, position }: Progress,
  reporter: TrainReporter | undefined,
): void {
  for (const { dir, problem } of damaged) {
    reporter?.warned?.(
      `warning: cannot go on from ${dir}: ${problem}; going on from ${from}, ` +
        `at epoch ${epoch + 1}, after ${position} images`,
    );
  }
}

/** What one optimizer remembers is nothing to another. */
function checkSameOptimizer(
  saved: TrainSettings,
  { optimizer, momentum = 0 }: TrainSettings,
): void {
  const before = saved.optimizer ?? 'adam';
  if (optimizer !== before) {
    throw new UserError(
      'InvalidSettings',
      `--optimizer was ${before} from the start of this run, and must stay so`,
    );
  }
  const { momentum: had = 0 } = saved;
  if (had > 0 !== momentum > 0) {
    throw new UserError(
      'InvalidSettings',
      `--momentum was ${had} from the start of this run: it cannot be ${momentum}`,
    );
  }
}

/** Other held-out images would be images that the network was trained on. */
function checkSameSplit(saved: TrainSettings, { validation, seed }: TrainSettings): void {
  const before = saved.validation ?? 0;
  if (validation !== before) {
    throw new UserError(
      'InvalidSettings',
      `--validation was ${before} from the start of this run, and must stay so`,
    );
  }
  if (validation > 0 && seed !== saved.seed) {
    throw new UserError(
      'InvalidSettings',
      `--seed was ${saved.seed} when images were held out of training, and must stay so`,
    );
  }
}

/**
 * Where the model of the best epoch so far is. Without its model, a best epoch is a number in the way
 * of the next best.
 */
async function bestOf(
  from: string,
  { best }: Progress,
  reporter: TrainReporter | undefined,
): Promise<{ dir: string } | undefined> {
  const folder = runFolder(runOf(from)).best;
  const dir = await checkpointFolder(folder, 'best').catch(() => undefined);
  if (!best || dir === undefined) return undefined;
  const problem = await problemOf(dir, 'model');
  if (problem !== undefined) {
    reporter?.warned?.(
      `warning: ${dir} is damaged: ${problem}; the best epoch is chosen from now on`,
    );
    return undefined;
  }
  // After a fall back to an earlier checkpoint it may be of an epoch that is still to come.
  const saved = await readProgress<Partial<Progress>>(dir).catch(() => undefined);
  return saved?.best?.epoch === best.epoch ? { dir } : undefined;
}

/** Going on from an earlier checkpoint would put it in the place of the latest one. */
async function checkIsLatest(
  from: string,
  out: string | undefined,
  { epoch, position }: Progress,
): Promise<void> {
  const { out: own, last } = runFolder(runOf(from));
  if ((out !== undefined && resolve(out) !== resolve(own)) || resolve(from) === resolve(last))
    return;
  const latest = (await readProgress(last).catch(() => undefined)) as Progress | undefined;
  if (!isProgress(latest)) return;
  if (latest.epoch > epoch || (latest.epoch === epoch && latest.position > position)) {
    throw new UserError(
      'InvalidSettings',
      `${last} is further than ${from} (${latest.epoch} epochs against ${epoch}): resume ${own}, ` +
        `or give another --out to go on from ${basename(from)}`,
    );
  }
}

/** The run's own folder, or another, which gets the best model so far along. */
async function resumedFolder(
  from: string,
  out: string | undefined,
  { settings, log }: Progress,
  best: string | undefined,
): Promise<RunFolder> {
  const own = runFolder(runOf(from));
  if (out === undefined || resolve(out) === resolve(own.out)) {
    await reopenRun(own, settings);
    return own;
  }
  const other = await createRun(out, settings);
  if (best !== undefined) await copyCheckpoint(best, other.best);
  if (log.length > 0) await writeLog(other, log);
  return other;
}

/** The run that a checkpoint's folder lies in. */
function runOf(checkpoint: string): string {
  const name = basename(resolve(checkpoint));
  return /^(last|best)(\.\d+)?$/.test(name) ? join(checkpoint, '..') : checkpoint;
}

/** Whether what a checkpoint holds can be the progress of a run. */
function isProgress(value: unknown): value is Progress {
  const { settings, epoch, position, sums, log } = (value ?? {}) as Partial<Progress>;
  return (
    [epoch, position, sums?.images].every((n) => Number.isSafeInteger(n) && n! >= 0) &&
    isDataType(settings?.dataType ?? '') &&
    Array.isArray(log)
  );
}

type Sources = Pick<Run, 'train' | 'validation' | 'test' | 'files'>;

async function openSources(
  { ignored, ...images }: ImageFolder,
  settings: TrainSettings,
  size: number,
  { strict, reporter, signal }: TrainOptions,
): Promise<Sources & { duplicates: Duplicate[] }> {
  if (ignored > 0) reporter?.passedOver?.(ignored);
  const { files, heldOut } = heldOutOf(images.train, settings);
  const open = async (split: 'train' | 'validation' | 'test', of: readonly LabelledImage[]) => {
    const source = imageSource(of, size, { strict });
    if (source.cached) {
      await source.preload((done) => {
        signal?.throwIfAborted();
        reporter?.decoded?.(split, done, source.length);
      });
    }
    if (source.skipped.length > 0) reporter?.skipped?.(source.skipped);
    return { name: split, images: of, source };
  };
  const train = await open('train', files);
  const validation = heldOut.length > 0 ? await open('validation', heldOut) : undefined;
  const test = await open('test', images.test);
  const splits = [train, ...(validation ? [validation] : []), test];
  return {
    train: train.source,
    validation: validation?.source,
    test: test.source,
    files,
    duplicates: await duplicatesAcross(splits, signal),
  };
}

/** Takes the held-out images, if any, from those to train on. */
function heldOutOf(
  images: readonly LabelledImage[],
  { validation, seed }: TrainSettings,
): { files: readonly LabelledImage[]; heldOut: LabelledImage[] } {
  if (validation === 0) return { files: images, heldOut: [] };
  const labels = images.map(({ label }) => label);
  const held = new Set(holdOut(labels, validation, seed));
  if (held.size === 0) {
    throw new UserError(
      'InvalidSettings',
      `--validation ${validation} holds out nothing: no class of train/ has two images`,
    );
  }
  return {
    files: images.filter((_, index) => !held.has(index)),
    heldOut: images.filter((_, index) => held.has(index)),
  };
}

async function tellDuplicates(
  folder: RunFolder,
  duplicates: readonly Duplicate[],
  reporter: TrainReporter | undefined,
): Promise<void> {
  await writeDuplicates(folder, duplicates);
  if (duplicates.length > 0) {
    reporter?.warned?.(`${duplicatesText(duplicates)}: ${folder.duplicates} names them`);
  }
}
