/** A run that goes on from a checkpoint, and what must be as it was. */
import { basename, join, resolve } from 'node:path';
import { isDataType } from '../../training/data_types.js';
import type { Optimizer } from '../../training/optimizer.js';
import {
  type Checkpoint,
  type DamagedCheckpoint,
  loadCheckpoint,
  readProgress,
} from '../checkpoint/checkpoint.js';
import { checkpointFolder, forgetBeyond } from '../checkpoint/checkpoint_folders.js';
import { problemOf } from '../checkpoint/checkpoint_manifest.js';
import { disposeState } from '../checkpoint/optimizer_file.js';
import { folderName } from '../format.js';
import { dataFingerprint } from '../images/data_fingerprint.js';
import { imageFolder } from '../images/image_folder.js';
import { metadataOf } from '../models/btn_files.js';
import { UserError } from '../user_error.js';
import {
  copyCheckpoint,
  createRun,
  type RunFolder,
  reopenRun,
  runFolder,
  setAside,
  writeLog,
} from './run_folder.js';
import { inputSizeOf, lossOf, openSources, optimizerOf, tellDuplicates } from './run_parts.js';
import type { TrainOptions, TrainReporter } from './train_options.js';
import { resumedSettings, type TrainSettings } from './train_settings.js';
import type { Progress, Run } from './training_run.js';

/** Goes on from the checkpoint that `resume` names. @throws as `train`. */
export async function resumedRun(options: TrainOptions): Promise<Run> {
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
  const name = folderName(checkpoint);
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
