import * as tf from '@tensorflow/tfjs-core';
import { mixSeeds } from '../ops/seeds.js';
import { augment } from '../training/augmentation.js';
import { classNamesOf } from '../training/data_types.js';
import { batches, classBalanced, occurrences, shuffled } from '../training/sampler.js';
import { exponentialDecay } from '../training/schedule.js';
import { LossNotFiniteError, type StepResult, trainStep } from '../training/step.js';
import { holdsModel, saveCheckpoint } from './checkpoint.js';
import { evaluateOn } from './evaluate.js';
import { type ImageBatch, readAhead } from './image_source.js';
import type { Evaluation } from './report.js';
import {
  type EpochLog,
  type ReportFiles,
  type RunFolder,
  removeRun,
  writeLog,
  writeReport,
  writeSkipped,
} from './run_folder.js';
import type { StepState, TrainOptions } from './train_options.js';
import {
  type BestEpoch,
  noSums,
  openRun,
  type Progress,
  type Run,
  type Sums,
} from './training_run.js';
import { UserError } from './user_error.js';

export interface TrainResult {
  folder: RunFolder;
  log: EpochLog[];
  /** Of the best epoch; absent when no epoch was finished. */
  best?: BestEpoch & { files: ReportFiles };
  /** True when the signal or `maxSteps` ended the run before its last epoch. */
  stopped: boolean;
}

/**
 * Trains a BTN on images in folders and writes a run's folder: settings, log, curves, the last and
 * the best model, report and confusion matrix.
 *
 * The best epoch is the one with the best accuracy on the test split, as the authors choose it: an
 * optimistic figure.
 *
 * @throws UserError for data, settings, a checkpoint or a folder that cannot be used, and when the
 *   loss is not a number; what was saved before stays. The reason of `signal` when it aborts before
 *   all images are decoded: there is nothing to save then.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const run = await openRun(options);
  try {
    const { settings, epoch, position } = run.progress;
    options.reporter?.started?.({
      settings,
      train: run.train.usable().length,
      test: run.test.usable().length,
      epoch: epoch + 1,
      position,
    });
    const stopped = await trainEpochs(run, options);
    return await resultOf(run, stopped);
  } catch (error) {
    if (run.isNew && run.progress.log.length === 0) await removeRun(run.folder);
    throw error;
  } finally {
    run.optimizer.dispose();
    run.model.dispose();
  }
}

/** Saves where the run stands. */
async function save({ folder, model, optimizer, progress, train, test }: Run): Promise<void> {
  await saveCheckpoint(folder.last, model, optimizer, progress);
  await writeSkipped(folder.skipped, [...train.skipped, ...test.skipped]);
}

/** @returns whether the run was stopped before its end. */
async function trainEpochs(run: Run, options: TrainOptions): Promise<boolean> {
  const { settings } = run.progress;
  let stepsLeft = options.maxSteps ?? Number.POSITIVE_INFINITY;
  while (run.progress.epoch < settings.epochs) {
    const steps = await trainEpoch(run, options, stepsLeft);
    stepsLeft -= steps;
    const done = run.progress.position >= run.train.length && (await endEpoch(run, options));
    if (!done) {
      await save(run);
      options.reporter?.stopped?.(stepState(run));
      return true;
    }
    if (options.signal?.aborted || stepsLeft <= 0) return run.progress.epoch < settings.epochs;
  }
  // A finished run that was resumed into another folder.
  if (!(await holdsModel(run.folder.last))) await save(run);
  return false;
}

/** Trains from where the epoch stands to its end, or until told to stop. @returns steps taken. */
async function trainEpoch(run: Run, options: TrainOptions, maxSteps: number): Promise<number> {
  const { progress, train } = run;
  const { settings } = progress;
  const draws = drawsOf(epochOrder(run), train.length).slice(progress.position);
  const drawPlan = batches(draws, settings.batchSize).slice(0, maxSteps);
  const plan = drawPlan.map((batch) => batch.map((draw) => draw % train.length));
  let steps = 0;
  let saved = performance.now();
  if (options.signal?.aborted) return steps;
  for await (const batch of readAhead(train, plan)) {
    if (batch.skipped.length > 0) options.reporter?.skipped?.(batch.skipped);
    const held = heldDraws(batch, drawPlan[steps]!, train.length);
    if (batch.indices.length > 0) await step(run, batch, held);
    progress.position += plan[steps]!.length;
    steps++;
    options.reporter?.stepped?.(stepState(run));
    await new Promise(setImmediate); // lets signals and the display through
    if (options.signal?.aborted) break;
    if (performance.now() - saved >= 1000 * (options.checkpointSeconds ?? 600)) {
      await save(run);
      saved = performance.now();
    }
  }
  return steps;
}

/** Indices of the training images in the order of the epoch under way. */
function epochOrder({ progress, train, files }: Run): number[] {
  const { settings, epoch } = progress;
  if (settings.classBalanced) {
    return classBalanced(
      files.map(({ label }) => label),
      settings.seed,
      epoch,
    );
  }
  const everyImage = Array.from({ length: train.length }, (_, i) => i);
  return shuffled(everyImage, settings.seed, epoch);
}

/**
 * What the augmentation of each image of an epoch is drawn from: its index, and another number where it
 * comes again.
 */
function drawsOf(order: readonly number[], images: number): number[] {
  return occurrences(order).map((before, i) => order[i]! + images * before);
}

/** The draws of the images that a batch holds: all of the plan but those that were skipped. */
function heldDraws({ indices }: ImageBatch, planned: readonly number[], images: number): number[] {
  let at = 0;
  return indices.map((index) => {
    while (planned[at]! % images !== index) at++;
    return planned[at++]!;
  });
}

async function step(run: Run, batch: ImageBatch, draws: readonly number[]): Promise<void> {
  const { progress, model, optimizer } = run;
  const { settings, epoch, position } = progress;
  const started = performance.now();
  const { size } = run.train;
  const count = batch.indices.length;
  const values = augment(
    { pixels: batch.pixels, size },
    draws,
    settings.augmentation,
    settings.seed,
    epoch,
  );
  const images = tf.tensor4d(values, [count, size, size, 3]);
  const labels = tf.tensor1d(batch.labels, 'int32');
  try {
    const result = await trainStep(
      model,
      optimizer,
      { images, labels },
      {
        learningRate: exponentialDecay(settings.learningRate, epoch, settings.decay),
        lambda: settings.lambda,
        microBatch: settings.microBatch,
        seed: mixSeeds(mixSeeds(settings.seed, epoch), position),
      },
    );
    const seconds = (performance.now() - started) / 1000;
    progress.sums = added(progress.sums, result, batch.labels, seconds);
  } catch (error) {
    throw error instanceof LossNotFiniteError ? diverged(error, run, batch) : error;
  } finally {
    tf.dispose([images, labels]);
  }
}

function added(sums: Sums, result: StepResult, labels: Int32Array, seconds: number): Sums {
  const n = labels.length;
  const right = labels.reduce((sum, label, i) => sum + Number(label === result.predictions[i]), 0);
  return {
    images: sums.images + n,
    right: sums.right + right,
    seconds: sums.seconds + seconds,
    total: sums.total + n * result.loss,
    vit: sums.vit + n * result.vitLoss,
    ...(result.btLoss !== undefined && { bt: (sums.bt ?? 0) + n * result.btLoss }),
    ...(result.cbaLoss !== undefined && { cba: (sums.cba ?? 0) + n * result.cbaLoss }),
  };
}

function diverged(error: LossNotFiniteError, run: Run, batch: ImageBatch): UserError {
  const { progress, folder, files } = run;
  const where = `epoch ${progress.epoch + 1}, image ${progress.position + 1}`;
  const saved = progress.log.length > 0 ? `the checkpoint before is in ${folder.last}` : '';
  const names = batch.indices.slice(0, 3).map((index) => files[index]!.path);
  const more = batch.indices.length - names.length;
  const images = names.join(', ') + (more > 0 ? ` and ${more} more` : '');
  return new UserError(
    [`${error.message} at ${where}: try a smaller --lr`, saved, `the batch was ${images}`]
      .filter(Boolean)
      .join('; '),
    { cause: error },
  );
}

/**
 * Evaluates, logs and saves at the end of an epoch, and goes on to the next.
 *
 * @returns false when told to stop before it was evaluated: a run that goes on begins there.
 */
async function endEpoch(run: Run, { reporter, signal }: TrainOptions): Promise<boolean> {
  const { progress, folder, model, optimizer, test } = run;
  const { settings, sums, epoch } = progress;
  const classNames = classNamesOf(settings.dataType);
  const evaluation = await evaluateOn(model, test, classNames, settings.batchSize, {
    onProgress: (done, total) => reporter?.evaluated?.(done, total),
    signal,
  });
  if (evaluation === undefined) return false;
  const isBest = accuracyOf(evaluation) > accuracyOf(progress.best?.evaluation);
  const { report } = evaluation;
  const entry: EpochLog = {
    epoch: epoch + 1,
    learningRate: exponentialDecay(settings.learningRate, epoch, settings.decay),
    loss: meanLoss(sums),
    accuracy: { train: sums.right / sums.images, test: report.accuracy ?? undefined },
    meanClassAccuracy: report.meanClassAccuracy,
    seconds: sums.seconds,
    imagesPerSecond: sums.images / sums.seconds,
  };
  Object.assign(progress, {
    epoch: epoch + 1,
    position: 0,
    sums: noSums,
    log: [...progress.log, entry],
    ...(isBest && { best: { epoch: epoch + 1, evaluation } }),
  } satisfies Partial<Progress>);
  // `last` at the end: a run cut short in between repeats the epoch and writes all of this again.
  if (isBest) {
    await saveCheckpoint(folder.best, model, optimizer, progress);
    await writeReport(folder.out, evaluation, subtitle(progress));
  }
  await writeLog(folder, progress.log);
  await save(run);
  reporter?.epochEnded?.(entry, isBest);
  return true;
}

function accuracyOf(evaluation: Evaluation | undefined): number {
  return evaluation?.report.accuracy ?? -1;
}

function meanLoss({ images, total, vit, bt, cba }: Sums): EpochLog['loss'] {
  return {
    total: total / images,
    vit: vit / images,
    ...(bt !== undefined && { bt: bt / images }),
    ...(cba !== undefined && { cba: cba / images }),
  };
}

function stepState({ progress, train }: Run): StepState {
  const { sums, position, epoch } = progress;
  return {
    epoch: epoch + 1,
    done: position,
    total: train.length,
    loss: meanLoss(sums),
    accuracy: sums.right / sums.images,
    imagesPerSecond: sums.images / sums.seconds,
  };
}

function subtitle({ settings, best }: Progress): string {
  return `${settings.dataType}, ${settings.preset} BTN, epoch ${best!.epoch}, each image alone (vit)`;
}

async function resultOf({ progress, folder }: Run, stopped: boolean): Promise<TrainResult> {
  const { log, best } = progress;
  if (!best) return { folder, log, stopped };
  const files = await writeReport(folder.out, best.evaluation, subtitle(progress));
  return { folder, log, best: { ...best, files }, stopped };
}
