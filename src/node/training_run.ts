import { basename, join, resolve } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn } from '../models/btn.js';
import { Adam } from '../training/adam.js';
import { classNamesOf, isDataType } from '../training/data_types.js';
import type { Optimizer } from '../training/optimizer.js';
import { Sam } from '../training/sam.js';
import { describeModel, loadBtn, metadataOf } from './btn_files.js';
import {
  checkpointFolder,
  disposeState,
  holdsModel,
  holdsProgress,
  loadCheckpoint,
  readProgress,
} from './checkpoint.js';
import { type ImageFolder, imageFolder, type LabelledImage } from './image_folder.js';
import { type ImageSource, imageSource } from './image_source.js';
import { loadPretrained } from './pretrained.js';
import type { Evaluation } from './report.js';
import {
  copyFolder,
  createRun,
  type EpochLog,
  newRunName,
  type RunFolder,
  removeRun,
  runFolder,
  writeConfig,
  writeLog,
} from './run_folder.js';
import type { TrainOptions } from './train_options.js';
import { freshSettings, networkOf, resumedSettings, type TrainSettings } from './train_settings.js';
import { UserError } from './user_error.js';
import { isWeightsFile } from './weights_file.js';
import { makeFolder } from './write_file.js';

export interface BestEpoch {
  epoch: number;
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

/** Where a run stands: saved with each checkpoint. */
export interface Progress {
  settings: TrainSettings;
  /** The epoch under way, from 0 on. */
  epoch: number;
  /** How many images of the epoch's order are done. */
  position: number;
  sums: Sums;
  log: EpochLog[];
  best?: BestEpoch;
}

export interface Run {
  model: LayersModel;
  optimizer: Optimizer;
  progress: Progress;
  folder: RunFolder;
  train: ImageSource;
  test: ImageSource;
  /** Training files in the order of `train`. */
  files: readonly LabelledImage[];
  /** Whether the folder is one that this run made and nothing was trained before. */
  isNew: boolean;
}

export const noSums: Sums = { images: 0, right: 0, seconds: 0, total: 0, vit: 0 };

/**
 * Opens the run that the options ask for: a new one, one from weights alone, or one that goes on.
 *
 * @throws as `train`.
 */
export async function openRun(options: TrainOptions): Promise<Run> {
  const { resume, rename } = options;
  if (rename !== undefined && (resume === undefined || !(await isWeightsFile(resume)))) {
    throw new UserError('--rename is for a PyTorch or safetensors file given with --resume');
  }
  if (resume === undefined) return newRun(options);
  if (options.pretrainedIr50 !== undefined || options.pretrainedMobilefacenet !== undefined) {
    throw new UserError('--pretrained-… is for a new run: --resume brings all weights');
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
    const sources = await openSources(images, size, options).catch(async (error: unknown) => {
      await removeRun(folder);
      throw error;
    });
    const progress = { settings, epoch: 0, position: 0, sums: noSums, log: [] };
    const optimizer = optimizerOf(settings, new Adam());
    return { model, optimizer, progress, folder, isNew: true, ...sources };
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

function optimizerOf({ samRho }: TrainSettings, adam: Adam): Optimizer {
  return samRho > 0 ? new Sam(adam, { rho: samRho }) : adam;
}

async function resumedRun(options: TrainOptions): Promise<Run> {
  const from = await checkpointFolder(options.resume!, 'last');
  const { model, optimizer: state, progress } = await loadCheckpoint<unknown>(from);
  const optimizer = new Adam();
  optimizer.setState(state);
  disposeState(state);
  try {
    if (!isProgress(progress)) {
      const path = join(from, 'progress.json');
      throw new UserError(`${path} is damaged: it does not say where a run stands`);
    }
    metadataOf(model, from, options);
    const settings = resumedSettings(progress.settings, options);
    const images = await imageFolder(settings.data, settings.dataType);
    const sources = await openSources(images, inputSizeOf(model), options);
    await checkIsLatest(from, options.out, progress);
    const folder = await resumedFolder(from, options.out, { ...progress, settings });
    // Without its model, a best epoch is a number in the way of the next best.
    const best = (await holdsModel(folder.best)) ? progress.best : undefined;
    return {
      model,
      optimizer: optimizerOf(settings, optimizer),
      progress: { ...progress, settings, best },
      folder,
      isNew: false,
      ...sources,
    };
  } catch (error) {
    optimizer.dispose();
    model.dispose();
    throw error;
  }
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
): Promise<RunFolder> {
  const own = runFolder(runOf(from));
  if (out === undefined || resolve(out) === resolve(own.out)) {
    await makeFolder(own.out);
    await writeConfig(own, settings);
    return own;
  }
  const other = await createRun(out, settings);
  if (await holdsModel(own.best)) await copyFolder(own.best, other.best);
  if (log.length > 0) await writeLog(other, log);
  return other;
}

/** The run that a checkpoint's folder lies in. */
function runOf(checkpoint: string): string {
  const name = basename(resolve(checkpoint));
  return /^(last|best)(\.old)?$/.test(name) ? join(checkpoint, '..') : checkpoint;
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

async function openSources(
  images: ImageFolder,
  size: number,
  { strict, reporter, signal }: TrainOptions,
): Promise<Pick<Run, 'train' | 'test' | 'files'>> {
  if (images.ignored > 0) reporter?.passedOver?.(images.ignored);
  const open = async (split: 'train' | 'test') => {
    const source = imageSource(images[split], size, { strict });
    if (source.cached) {
      await source.preload((done) => {
        signal?.throwIfAborted();
        reporter?.decoded?.(split, done, source.length);
      });
    }
    if (source.skipped.length > 0) reporter?.skipped?.(source.skipped);
    return source;
  };
  return { train: await open('train'), test: await open('test'), files: images.train };
}
