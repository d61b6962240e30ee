/** What happens between two epochs: evaluation, checkpoints, reports. */
import { classNamesOf } from '../../training/data_types.js';
import { modelFolder, saveCheckpoint } from '../checkpoint/checkpoint.js';
import { evaluateOn } from '../evaluation/evaluate_on.js';
import { folderName } from '../format.js';
import type { SeenImages } from '../images/encode_images.js';
import type { ImageSource } from '../images/image_source.js';
import { loadModelFiles } from '../models/model_files.js';
import type { Evaluation } from '../report/report.js';
import { reportedEpoch, writeRunPage } from '../report/run_report.js';
import { type Encoder, encoderOf } from '../threads/open_threads.js';
import {
  chooserText,
  type EpochLog,
  type ReportFiles,
  type RunFolder,
  writeLog,
  writeReport,
} from './run_folder.js';
import { meanLoss, rateAt, saveRun } from './train_epoch.js';
import type { TrainOptions } from './train_options.js';
import { type BestEpoch, noSums, type Progress, type Run } from './training_run.js';

/**
 * Evaluates, logs and saves at the end of an epoch, and goes on to the next.
 *
 * @returns false when told to stop before it was evaluated: a run that goes on begins there.
 */
export async function endEpoch(run: Run, options: TrainOptions): Promise<boolean> {
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
    await writeBestReport(progress, folder);
    if (test?.epoch !== progress.epoch) {
      run.reported = await reportedEpoch(run, model, chooser, seen, progress.epoch);
    }
  }
  await writeLog(folder, progress.log);
  await writePage(run, options);
  await saveRun(run);
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

/** Writes the report of the best epoch: on the test split, or before the end on held-out images. */
export function writeBestReport(
  { settings, best, test }: Progress,
  { out }: RunFolder,
): Promise<ReportFiles> {
  const final = test?.epoch === best!.epoch ? test : undefined;
  const { epoch, evaluation } = final ?? best!;
  const chosen = `epoch ${epoch}, chosen on ${chooserText(settings)}`;
  const on = final ? ', evaluated on the test split' : ', evaluated on the same';
  const where = settings.validation > 0 ? `${chosen}${on}` : chosen;
  const subtitle = `${folderName(settings.data)}, ${settings.preset} BTN, ${where}, each image alone (vit)`;
  return writeReport(out, evaluation, subtitle);
}
