/** The steps of an epoch. */
import * as tf from '@tensorflow/tfjs-core';
import { mixSeeds } from '../../ops/seeds.js';
import { batches, classBalanced, occurrences, shuffled } from '../../training/sampler.js';
import { learningRateAt } from '../../training/schedule.js';
import { LossNotFiniteError, type StepResult, trainStep } from '../../training/step.js';
import { saveCheckpoint } from '../checkpoint/checkpoint.js';
import { holdsModel } from '../checkpoint/checkpoint_folders.js';
import type { ImageBatch } from '../images/image_source.js';
import { firstLine, UserError } from '../user_error.js';
import { type PreparedBatch, preparedBatches } from './prepared_batches.js';
import { type EpochLog, writeDivergedBatch, writeSkipped } from './run_folder.js';
import type { StepState, TrainOptions } from './train_options.js';
import type { Run, Sums } from './training_run.js';

/** Trains from where the epoch stands to its end, or until told to stop. @returns steps taken. */
export async function trainEpoch(
  run: Run,
  options: TrainOptions,
  maxSteps: number,
): Promise<number> {
  const { progress, train } = run;
  const { settings } = progress;
  const draws = drawsOf(epochOrder(run), train.length).slice(progress.position);
  const plan = batches(draws, settings.batchSize).slice(0, maxSteps);
  let steps = 0;
  let saved = performance.now();
  if (options.signal?.aborted) return steps;
  const { augmentation, seed } = settings;
  for await (const batch of preparedBatches(train, plan, augmentation, seed, progress.epoch)) {
    if (batch.skipped.length > 0) options.reporter?.skipped?.(batch.skipped);
    const ofBatch = batch.indices.length > 0 ? await step(run, batch) : undefined;
    progress.position += plan[steps]!.length;
    steps++;
    options.reporter?.stepped?.({ ...stepState(run), batch: ofBatch });
    await new Promise(setImmediate); // lets signals and the display through
    if (options.signal?.aborted) break;
    if (performance.now() - saved >= 1000 * (options.checkpointSeconds ?? 600)) {
      await saveRun(run);
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

async function step(run: Run, batch: PreparedBatch): Promise<StepState['batch']> {
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
export function rateAt({ progress, train }: Run, position: number): number {
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

/** Where a run stands, as reporters are told. */
export function stepState(run: Run): StepState {
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

/** Steps taken so far, in all epochs. */
export function stepsTaken({ progress, train }: Run): number {
  const { settings, epoch, position } = progress;
  const anEpoch = Math.ceil(train.length / settings.batchSize);
  return epoch * anEpoch + Math.ceil(position / settings.batchSize);
}

/** Of the images that were summed. */
export function meanLoss({ images, total, vit, bt, cba }: Sums): EpochLog['loss'] {
  return {
    total: total / images,
    vit: vit / images,
    ...(bt !== undefined && { bt: bt / images }),
    ...(cba !== undefined && { cba: cba / images }),
  };
}

/** Saves where the run stands. */
export async function saveRun(run: Run): Promise<void> {
  const { folder, model, optimizer, progress } = run;
  const { keepCheckpoints } = progress.settings;
  await saveCheckpoint(folder.last, model, optimizer, progress, keepCheckpoints);
  const sources = [run.train, run.validation, run.test];
  await writeSkipped(
    folder.skipped,
    sources.flatMap((source) => source?.skipped ?? []),
  );
}
