import { holdsModel } from '../checkpoint/checkpoint_folders.js';
import type { Evaluation } from '../report/report.js';
import { openThreads, type ThreadOptions } from '../threads/open_threads.js';
import { endEpoch, writeBestReport } from './end_epoch.js';
import { openRun } from './open_run.js';
import { type EpochLog, type ReportFiles, type RunFolder, removeRun } from './run_folder.js';
import { saveRun, stepState, stepsTaken, trainEpoch } from './train_epoch.js';
import type { TrainOptions } from './train_options.js';
import type { TrainSettings } from './train_settings.js';
import type { BestEpoch, Run } from './training_run.js';

/** What came of a run. */
export interface TrainResult {
  /** Where it all is. */
  folder: RunFolder;
  /** That the run had. */
  settings: TrainSettings;
  /** Of each finished epoch. */
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
 *   loss is not a number or explodes: `diverged_batch.txt` names the batch, and what was saved before
 *   stays. The reason of `signal` when it aborts before all images are decoded: there is nothing to
 *   save then.
 *
 * @example
 * const { best, folder, log } = await train({
 *   data: 'raf-db',
 *   preset: 'tiny',
 *   epochs: 1,
 *   out: 'runs/first',
 * });
 * console.log(log.length, best?.epoch, folder.best); // 1 1 runs/first/best
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

/** @returns whether the run was stopped before its end. */
async function trainEpochs(run: Run, options: TrainOptions): Promise<boolean> {
  const { settings } = run.progress;
  let stepsLeft = options.maxSteps ?? Number.POSITIVE_INFINITY;
  while (run.progress.epoch < settings.epochs) {
    const steps = await trainEpoch(run, options, stepsLeft);
    stepsLeft -= steps;
    const done = run.progress.position >= run.train.length && (await endEpoch(run, options));
    if (!done) {
      await saveRun(run);
      options.reporter?.stopped?.(stepState(run));
      return true;
    }
    if (options.signal?.aborted || stepsLeft <= 0) return run.progress.epoch < settings.epochs;
  }
  // A finished run that was resumed into another folder.
  if (!(await holdsModel(run.folder.last))) await saveRun(run);
  return false;
}

async function resultOf({ progress, folder }: Run, stopped: boolean): Promise<TrainResult> {
  const { settings, log, best, test } = progress;
  if (!best) return { folder, settings, log, stopped };
  const files = await writeBestReport(progress, folder);
  const ofBest = test?.epoch === best.epoch && { test: test.evaluation };
  return { folder, settings, log, best: { ...best, files }, ...ofBest, stopped };
}
