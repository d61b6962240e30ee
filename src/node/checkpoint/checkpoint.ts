import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Optimizer, OptimizerState } from '../../training/optimizer.js';
import { loadModelFiles, saveModelFiles } from '../models/model_files.js';
import { describeFileError, errorCode, firstLine, UserError } from '../user_error.js';
import { syncFolder, writeFileSafely } from '../write_file.js';
import {
  checkpointFolder,
  checkpointsOf,
  existing,
  exists,
  forgetBeyond,
  generations,
  manifestFile,
  moveBack,
  optimizerFile,
  progressFile,
  readPart,
} from './checkpoint_folders.js';
import { problemOf, sealCheckpoint } from './checkpoint_manifest.js';
import { checkFitsModel, readOptimizer, writeOptimizer } from './optimizer_file.js';

/** A model with what resuming needs. `Progress` is plain data of the trainer's. */
export interface Checkpoint<Progress> {
  /** The caller's to dispose. */
  model: LayersModel;
  /** For an optimizer's `setState`; its tensors are the caller's to dispose. */
  optimizer: OptimizerState;
  /** As it was saved, through JSON. */
  progress: Progress;
  /** The folder that it was read from. */
  dir: string;
  /** Checkpoints that would have been taken before it, but are not whole. */
  damaged: readonly DamagedCheckpoint[];
}

/** A checkpoint that was passed over. */
export interface DamagedCheckpoint {
  /** Its folder. */
  dir: string;
  /** What is wrong with it. */
  problem: string;
}

/**
 * Saves model, optimizer and progress as one folder, with a `checkpoint.json` that holds size and
 * SHA-256 of each file. It is written beside the old one and takes its place whole; that one becomes
 * `dir.1`, the one before it `dir.2`. At every moment, one of them is a complete checkpoint.
 *
 * @param keep How many to keep, from 1 on, `dir` itself included. Default 1.
 * @throws UserError when something cannot be written; the old checkpoints stay then.
 *
 * @example
 * const optimizer = new Adam();
 * await saveCheckpoint('checkpoints/last', model, optimizer, { epoch: 3 });
 * const { progress } = await loadCheckpoint<{ epoch: number }>('checkpoints/last');
 * console.log(progress); // { epoch: 3 }
 */
export async function saveCheckpoint(
  dir: string,
  model: LayersModel,
  optimizer: Optimizer,
  progress: object,
  keep = 1,
): Promise<void> {
  const fresh = `${dir}.new`;
  try {
    await fs.rm(fresh, { recursive: true, force: true });
    await writeParts(fresh, model, optimizer, progress);
    await sealCheckpoint(fresh);
    await moveBack(dir);
    await fs.rename(fresh, dir);
    await syncFolder(dirname(dir));
    await forgetBeyond(dir, keep);
  } catch (error) {
    await fs.rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    throw await cannotSave(dir, error);
  }
}

async function cannotSave(dir: string, error: unknown): Promise<unknown> {
  const known = error instanceof UserError;
  if (!known && errorCode(error) === undefined) return error;
  const message = known ? error.message : `cannot write ${dir}: ${describeFileError(error)}`;
  const [before] = await existing(await generations(dir));
  const stays = before === undefined ? '' : `; the checkpoint before it stays in ${before}`;
  return new UserError('CannotWrite', message + stays, { cause: error });
}

async function writeParts(
  dir: string,
  model: LayersModel,
  optimizer: Optimizer,
  progress: object,
): Promise<void> {
  await saveModelFiles(model, dir);
  await writeOptimizer(join(dir, optimizerFile), await optimizer.getState());
  await writeFileSafely(join(dir, progressFile), `${JSON.stringify(progress, null, 2)}\n`);
}

/**
 * Loads the newest checkpoint that is whole: all its files are there and have the checksums they were
 * saved with.
 *
 * @param path A checkpoint's folder, its `model.json`, or a run's folder, whose last one is taken. The
 *   ones before stand in for it: `last.1`, `last.2`, of a run at the end `best`.
 * @throws UserError when there is none, or its files do not belong together.
 *
 * @example
 * const { progress, optimizer, dir } = await loadCheckpoint<{ epoch: number }>('runs/tiny');
 * console.log(dir, progress.epoch, optimizer.step); // runs/tiny/last 1 1
 */
export async function loadCheckpoint<Progress>(path: string): Promise<Checkpoint<Progress>> {
  const candidates = await checkpointsOf(path, 'last');
  const damaged: DamagedCheckpoint[] = [];
  for (const dir of candidates) {
    const problem = await problemOf(dir);
    if (problem === undefined) return { ...(await readCheckpoint<Progress>(dir)), dir, damaged };
    damaged.push({ dir, problem });
  }
  throw new UserError(
    'InvalidCheckpoint',
    `no checkpoint in ${path} is whole: ` +
      damaged.map(({ dir, problem }) => `${dir}: ${problem}`).join('; '),
  );
}

async function readCheckpoint<Progress>(dir: string) {
  const progress = await readProgress<Progress>(dir);
  const model = await loadModelFiles(dir);
  try {
    const path = join(dir, optimizerFile);
    const optimizer = await readOptimizer(path);
    checkFitsModel(path, model, optimizer);
    return { model, optimizer, progress };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * The folder of a model to use: as `checkpointFolder`, of a run the best.
 *
 * @throws UserError when there is none, or it is a checkpoint that is not whole.
 */
export async function modelFolder(path: string): Promise<string> {
  const dir = await checkpointFolder(path, 'best');
  // Models of TensorFlow.js's own have no checksums.
  const problem = (await exists(join(dir, manifestFile)))
    ? await problemOf(dir, 'model')
    : undefined;
  if (problem !== undefined)
    throw new UserError('InvalidCheckpoint', `${dir} is damaged: ${problem}`);
  return dir;
}

/** How far training went, as a checkpoint's folder says. @throws UserError */
export async function readProgress<Progress>(dir: string): Promise<Progress> {
  const path = join(dir, progressFile);
  const text = (await readPart(path)).toString('utf8');
  try {
    return JSON.parse(text) as Progress;
  } catch (error) {
    throw new UserError('InvalidCheckpoint', `${path} is damaged: ${firstLine(error)}`, {
      cause: error,
    });
  }
}
