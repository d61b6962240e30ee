import * as tf from '@tensorflow/tfjs-core';
import { mixSeeds } from '../ops/seeds.js';
import { augment } from '../training/augmentation.js';
import { classNamesOf } from '../training/data_types.js';
import { batches, classBalanced, occurrences, shuffled } from '../training/sampler.js';
import { learningRateAt } from '../training/schedule.js';
import { LossNotFiniteError, type StepResult, trainStep } from '../training/step.js';
import { holdsModel, modelFolder, saveCheckpoint } from './checkpoint.js';
import type { SeenImages } from './encode_images.js';
import { evaluateOn } from './evaluate.js';
import type { ImageBatch, ImageSource } from './image_source.js';
import { inOrder } from './in_order.js';
import { loadModelFiles } from './model_files.js';
import type { Evaluation } from './report.js';
import {
  chooserText,
  type EpochLog,
  type ReportFiles,
  type RunFolder,
  removeRun,
  writeDivergedBatch,
  writeLog,
  writeReport,
  writeSkipped,
} from './run_folder.js';
import { reportedEpoch, writeRunPage } from './run_report.js';
import {
  type Encoder,
  encoderOf,
  openThreads,
  type ThreadOptions,
} from './threads/open_threads.js';
import type { StepState, TrainOptions } from './train_options.js';
import type { TrainSettings } from './train_settings.js';
import {
  type BestEpoch,
  noSums,
  openRun,
  type Progress,
  type Run,
  type Sums,
} from './training_run.js';
import { firstLine, UserError } from './user_error.js';

/** What came of a run. */
export interface TrainResult {
  folder: RunFolder;
  settings: TrainSettings;
  log: EpochLog[];
  /** Of the best epoch; absent when no epoch was finished. */
  best?: BestEpoch & { files: ReportFiles };
  /** Of the best epoch on the test split, at the end of a run whose best epoch held-out images chose. */
  test?: Evaluation;
  /** True when the signal or `maxSteps` ended the run before its last epoch. */
  stopped: boolean;
}

/**
 * Trains a BTN on images in folders and writes a run's folder: settings, log, curves, the last and
 * the best model, report and confusion matrix.
 *
 * The best epoch is the one with the best accuracy on the test split, as the authors choose it: an
 * optimistic figure. With `validation`, a part of the training images is held out to choose it, and the
 * test split is evaluated once, at the end, with the best model.
 *
 * @throws UserError for data, settings, a checkpoint or a folder that cannot be used, and when the
 *   loss is not a number or explodes, whose batch `diverged_batch.txt` names; what was saved before
 *   stays. The reason of `signal` when it aborts before
 *   all images are decoded: there is nothing to save then.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const run = await openRun(options);
  try {
    const { settings, epoch, position } = run.progress;
    run.parallel = await openThreads(run.model, threadsFor(run, options));
    options.reporter?.started?.({
      threads: run.parallel?.threads ?? 1,
      settings,
      train: run.train.usable().length,
      validation: run.validation?.usable().length ?? 0,
      test: run.test.usable().length,
      epoch: epoch + 1,
      position,
      step: stepsTaken(run),
    });
    const stopped = await trainEpochs(run, options);
    return await resultOf(run, stopped);
  } catch (error) {
    if (run.isNew && run.progress.log.length === 0) await removeRun(run.folder);
    throw error;
  } finally {
    await run.parallel?.close();
    run.optimizer.dispose();
    run.model.dispose();
  }
}

/** As many threads as there are parts of a step, or batches to evaluate. */
function threadsFor({ progress, train, test }: Run, { workers }: TrainOptions): ThreadOptions {
  const { preset, batchSize, microBatch = batchSize } = progress.settings;
  const images = Math.max(Math.min(batchSize, train.length), test.length);
  return { preset, jobs: Math.ceil(images / microBatch), workers };
}

/** Saves where the run stands. */
async function save(run: Run): Promise<void> {
  const { folder, model, optimizer, progress } = run;
  const { keepCheckpoints } = progress.settings;
  await saveCheckpoint(folder.last, model, optimizer, progress, keepCheckpoints);
  const sources = [run.train, run.validation, run.test];
  await writeSkipped(
    folder.skipped,
    sources.flatMap((source) => source?.skipped ?? []),
  );
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
  const prepare = async (i: number) => {
    const batch = await train.read(plan[i]!);
    return {
      ...batch,
      values: augmented(run, batch, heldDraws(batch, drawPlan[i]!, train.length)),
    };
  };
  for await (const batch of inOrder(plan.length, 1, prepare)) {
    if (batch.skipped.length > 0) options.reporter?.skipped?.(batch.skipped);
    const ofBatch = batch.indices.length > 0 ? await step(run, batch) : undefined;
    progress.position += plan[steps]!.length;
    steps++;
    options.reporter?.stepped?.({ ...stepState(run), batch: ofBatch });
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

/** Images of the epoch under way, as the network takes them. */
function augmented(run: Run, { pixels }: ImageBatch, draws: readonly number[]): Float32Array {
  const { settings, epoch } = run.progress;
  const images = { pixels, size: run.train.size };
  return augment(images, draws, settings.augmentation, settings.seed, epoch);
}

async function step(
  run: Run,
  batch: ImageBatch & { values: Float32Array },
): Promise<StepState['batch']> {
  const { progress, model, optimizer, parallel } = run;
  const { settings, epoch, position } = progress;
  const started = performance.now();
  const { size } = run.train;
  const count = batch.indices.length;
  const { microBatch = count } = settings;
  const images = tf.tensor4d(batch.values, [count, size, size, 3]);
  const labels = tf.tensor1d(batch.labels, 'int32');
  const learningRate = rateAt(run, position);
  try {
    const result = await trainStep(
      model,
      optimizer,
      { images, labels },
      {
        learningRate,
        loss: run.loss,
        microBatch,
        // One part has nothing to share.
        ...(parallel && microBatch < count && { gradients: parallel.gradients }),
        seed: mixSeeds(mixSeeds(settings.seed, epoch), position),
      },
    );
    const explosion = explosionOf(result);
    if (explosion !== undefined) throw await diverged(new Error(explosion), run, batch);
    const seconds = (performance.now() - started) / 1000;
    progress.sums = added(progress.sums, result, batch.labels, seconds);
    const { loss: total, vitLoss: vit, btLoss: bt, cbaLoss: cba } = result;
    return { loss: { total, vit, ...(bt !== undefined && { bt, cba }) }, learningRate };
  } catch (error) {
    throw error instanceof LossNotFiniteError ? await diverged(error, run, batch) : error;
  } finally {
    tf.dispose([images, labels]);
  }
}

/** The learning rate of the step of the epoch under way that begins at an image. */
function rateAt({ progress, train }: Run, position: number): number {
  const { settings, epoch } = progress;
  const { batchSize } = settings;
  const steps = Math.ceil(train.length / batchSize);
  return learningRateAt(settings, epoch, Math.floor(position / batchSize), steps);
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

/**
 * The largest cross-entropy that training goes on with, in nats. Guessing has ln C, about 2; at 10⁴ the
 * logits of the right and the predicted class differ by as much, which no useful weights do.
 */
const largestLoss = 1e4;

/** What to say of a loss that is a number, but one of ruined weights; nothing of any other. */
function explosionOf({ vitLoss, btLoss = 0, cbaLoss = 0 }: StepResult): string | undefined {
  const largest = Math.max(vitLoss, btLoss, cbaLoss);
  return largest > largestLoss ? `the loss exploded to ${largest.toPrecision(3)}` : undefined;
}

/** Saves the names of the batch's files. */
async function diverged(error: Error, run: Run, batch: ImageBatch): Promise<UserError> {
  const { progress, folder, files } = run;
  const what = `${error.message} at epoch ${progress.epoch + 1}, image ${progress.position + 1}`;
  const names = batch.indices.map((index) => files[index]!.path);
  const named = await writeDivergedBatch(folder, what, names).then(
    () => `${folder.divergedBatch} names the batch's files`,
    (problem: unknown) => firstLine(problem),
  );
  const saved = (await holdsModel(folder.last)) && `the checkpoint before is in ${folder.last}`;
  const parts = [`${what}: try a smaller --lr`, saved, named];
  return new UserError('Diverged', parts.filter(Boolean).join('; '), { cause: error });
}

/**
 * Evaluates, logs and saves at the end of an epoch, and goes on to the next.
 *
 * @returns false when told to stop before it was evaluated: a run that goes on begins there.
 */
async function endEpoch(run: Run, options: TrainOptions): Promise<boolean> {
  const { progress, folder, model, optimizer } = run;
  const { settings, sums, epoch } = progress;
  const chooser = run.validation ?? run.test;
  const judged = await evaluated(run, encoderOfRun(run), chooser, options);
  if (judged === undefined) return false;
  const { evaluation, seen } = judged;
  const isBest = accuracyOf(evaluation) > accuracyOf(progress.best?.evaluation);
  const best = isBest ? { epoch: epoch + 1, evaluation } : progress.best!;
  const isLast = epoch + 1 === settings.epochs;
  const test = run.validation && isLast ? await tested(run, best, options) : progress.test;
  if (run.validation && isLast && test === undefined) return false;
  const accuracy = evaluation.report.accuracy ?? undefined;
  const entry: EpochLog = {
    epoch: epoch + 1,
    learningRate: rateAt(run, run.train.length - 1),
    loss: meanLoss(sums),
    accuracy: {
      train: sums.right / sums.images,
      ...(run.validation ? { validation: accuracy } : { test: accuracy }),
    },
    meanClassAccuracy: evaluation.report.meanClassAccuracy,
    seconds: sums.seconds,
    imagesPerSecond: sums.images / sums.seconds,
  };
  Object.assign(progress, {
    epoch: epoch + 1,
    position: 0,
    sums: noSums,
    log: [...progress.log, entry],
    best,
    ...(test && { test }),
  } satisfies Partial<Progress>);
  // `last` at the end: a run cut short in between repeats the epoch and writes all of this again.
  if (isBest) {
    await saveCheckpoint(folder.best, model, optimizer, progress);
    await report(progress, folder);
    if (test?.epoch !== progress.epoch) {
      run.reported = await reportedEpoch(run, model, chooser, seen, progress.epoch);
    }
  }
  await writeLog(folder, progress.log);
  await writePage(run, options);
  await save(run);
  await options.reporter?.epochEnded?.(entry, isBest, evaluation);
  return true;
}

/** undefined when told to stop before all images are evaluated. */
function evaluated(
  { progress: { settings } }: Run,
  encoder: Encoder,
  source: ImageSource,
  { reporter, signal }: TrainOptions,
): Promise<{ evaluation: Evaluation; seen: SeenImages } | undefined> {
  const { dataType, batchSize, microBatch = batchSize } = settings;
  const atOnce = Math.min(batchSize, microBatch);
  return evaluateOn(encoder, source, classNamesOf(dataType), atOnce, {
    onProgress: (done, total) => reporter?.evaluated?.(done, total),
    signal,
  });
}

/** The model as it is: a copy for inference would save about a percent, for memory that a step needs. */
function encoderOfRun({ model, parallel }: Run): Encoder {
  parallel?.weightsChanged();
  return parallel ?? encoderOf(model);
}

/** The best epoch, that under way or a saved one, on the test split; undefined when told to stop. */
async function tested(
  run: Run,
  { epoch }: BestEpoch,
  options: TrainOptions,
): Promise<BestEpoch | undefined> {
  if (run.progress.test?.epoch === epoch) return run.progress.test;
  const evaluation = await evaluatedBest(run, run.test, epoch, options);
  return evaluation && { epoch, evaluation };
}

/**
 * The best epoch, that under way or a saved one, on images, for the report to show; undefined when told to
 * stop.
 */
async function evaluatedBest(
  run: Run,
  source: ImageSource,
  epoch: number,
  options: TrainOptions,
): Promise<Evaluation | undefined> {
  const { progress, folder } = run;
  const saved =
    epoch <= progress.epoch ? await loadModelFiles(await modelFolder(folder.best)) : undefined;
  try {
    const encoder = saved ? encoderOf(saved) : encoderOfRun(run);
    const judged = await evaluated(run, encoder, source, options);
    if (judged === undefined) return undefined;
    run.reported = await reportedEpoch(run, saved ?? run.model, source, judged.seen, epoch);
    return judged.evaluation;
  } finally {
    saved?.dispose();
  }
}

/** Writes `report.html`. Of a run that went on, the best epoch of before is evaluated for it, once. */
async function writePage(run: Run, options: TrainOptions): Promise<void> {
  const { best, test } = run.progress;
  if (!run.reported) {
    const source = test?.epoch === best!.epoch ? run.test : (run.validation ?? run.test);
    await evaluatedBest(run, source, best!.epoch, options);
  }
  if (run.reported) await writeRunPage(run, run.reported);
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

/** In all epochs. */
function stepsTaken({ progress, train }: Run): number {
  const { settings, epoch, position } = progress;
  const anEpoch = Math.ceil(train.length / settings.batchSize);
  return epoch * anEpoch + Math.ceil(position / settings.batchSize);
}

function stepState(run: Run): StepState {
  const { progress, train } = run;
  const { sums, position, epoch } = progress;
  return {
    step: stepsTaken(run),
    epoch: epoch + 1,
    done: position,
    total: train.length,
    loss: meanLoss(sums),
    accuracy: sums.right / sums.images,
    imagesPerSecond: sums.images / sums.seconds,
  };
}

/** Writes the report of the best epoch: on the test split, or before the end on held-out images. */
function report({ settings, best, test }: Progress, { out }: RunFolder): Promise<ReportFiles> {
  const final = test?.epoch === best!.epoch ? test : undefined;
  const { epoch, evaluation } = final ?? best!;
  const chosen = `epoch ${epoch}, chosen on ${chooserText(settings)}`;
  const on = final ? ', evaluated on the test split' : ', evaluated on the same';
  const where = settings.validation > 0 ? `${chosen}${on}` : chosen;
  const subtitle = `${settings.dataType}, ${settings.preset} BTN, ${where}, each image alone (vit)`;
  return writeReport(out, evaluation, subtitle);
}

async function resultOf({ progress, folder }: Run, stopped: boolean): Promise<TrainResult> {
  const { settings, log, best, test } = progress;
  if (!best) return { folder, settings, log, stopped };
  const files = await report(progress, folder);
  const ofBest = test?.epoch === best.epoch && { test: test.evaluation };
  return { folder, settings, log, best: { ...best, files }, ...ofBest, stopped };
}
