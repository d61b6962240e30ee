import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { AdamState } from '../training/adam.js';
import type { Optimizer } from '../training/optimizer.js';
import { readSafetensors, writeSafetensors } from '../weights/safetensors.js';
import { elementCount, type StateDict } from '../weights/state_dict.js';
import { loadModelFiles, saveModelFiles } from './model_files.js';
import { describeFileError, errorCode, firstLine, UserError } from './user_error.js';
import { writeFileSafely } from './write_file.js';

const optimizerFile = 'optimizer.safetensors';
const progressFile = 'progress.json';

/** A model with what resuming needs. `Progress` is plain data of the trainer's. */
export interface Checkpoint<Progress> {
  model: LayersModel;
  optimizer: AdamState;
  progress: Progress;
}

/**
 * Saves model, optimizer and progress as one folder. It is written beside the old one and takes its
 * place whole: at every moment `dir` or `dir.old` is a complete checkpoint.
 *
 * @throws UserError when something cannot be written; the old checkpoint stays then.
 */
export async function saveCheckpoint(
  dir: string,
  model: LayersModel,
  optimizer: Optimizer,
  progress: object,
): Promise<void> {
  const [fresh, old] = [`${dir}.new`, `${dir}.old`];
  try {
    await fs.rm(fresh, { recursive: true, force: true });
    await writeParts(fresh, model, optimizer, progress);
    // Where a save was cut short before, `old` is the only one: it stays until there is another.
    if (await exists(dir)) {
      await fs.rm(old, { recursive: true, force: true });
      await fs.rename(dir, old);
    }
    await fs.rename(fresh, dir);
    await fs.rm(old, { recursive: true, force: true });
  } catch (error) {
    await fs.rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof UserError || errorCode(error) === undefined) throw error;
    throw new UserError(`cannot write ${dir}: ${describeFileError(error)}`, { cause: error });
  }
}

async function writeParts(
  dir: string,
  model: LayersModel,
  optimizer: Optimizer,
  progress: object,
): Promise<void> {
  await saveModelFiles(model, dir);
  const state = optimizer.getState();
  const tensors = await toStateDict(state.moments).finally(() => disposeState(state));
  const bytes = writeSafetensors(tensors, { step: String(state.step) });
  await writeFileSafely(join(dir, optimizerFile), bytes);
  await writeFileSafely(join(dir, progressFile), `${JSON.stringify(progress, null, 2)}\n`);
}

/**
 * Loads a checkpoint. Where a save was cut short between its two renames, the one before is taken.
 *
 * @param path A checkpoint's folder, its `model.json`, or a run's folder, whose last one is taken.
 * @throws UserError when there is none, or its files are damaged or do not belong together.
 */
export async function loadCheckpoint<Progress>(path: string): Promise<Checkpoint<Progress>> {
  const dir = await checkpointFolder(path, 'last');
  const progress = await readProgress<Progress>(dir);
  const model = await loadModelFiles(dir);
  try {
    const optimizer = await readOptimizer(join(dir, optimizerFile));
    checkMoments(dir, model, optimizer);
    return { model, optimizer, progress };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Frees the tensors of a state that no optimizer has taken over. */
export function disposeState({ moments }: AdamState): void {
  for (const { first, second } of Object.values(moments)) tf.dispose([first, second]);
}

/**
 * The folder of a checkpoint that a user names by its own path, its model.json or its run.
 *
 * @param wanted Which one of a run: the last to go on from, the best to use. A run that has no best
 *   yet gives its last.
 */
export async function checkpointFolder(path: string, wanted: 'last' | 'best'): Promise<string> {
  const named = basename(path) === 'model.json' ? join(path, '..') : path;
  const dir = named.replace(/(?<=.)[\\/]+$/, '');
  const ofRun = wanted === 'last' ? ['last'] : ['best', 'last'];
  const folders = [dir, ...ofRun.map((name) => join(dir, name))];
  for (const candidate of folders.flatMap((folder) => [folder, `${folder}.old`])) {
    if (await holdsModel(candidate)) return candidate;
  }
  if (!(await exists(path))) throw new UserError(`cannot read ${path}: no such file or folder`);
  throw new UserError(
    `no checkpoint in ${path}: expected a run's folder, or a folder with model.json`,
  );
}

/** Whether there is a model in a folder. */
export function holdsModel(dir: string): Promise<boolean> {
  return exists(join(dir, 'model.json'));
}

/** Whether a folder says how far training went. */
export async function holdsProgress(dir: string): Promise<boolean> {
  return (await exists(join(dir, progressFile))) || exists(join(dir, optimizerFile));
}

async function exists(path: string): Promise<boolean> {
  return fs.access(path).then(
    () => true,
    () => false,
  );
}

/** How far training went, as a checkpoint's folder says. @throws UserError */
export async function readProgress<Progress>(dir: string): Promise<Progress> {
  const path = join(dir, progressFile);
  const text = (await readPart(path)).toString('utf8');
  try {
    return JSON.parse(text) as Progress;
  } catch (error) {
    throw new UserError(`${path} is damaged: ${firstLine(error)}`, { cause: error });
  }
}

async function readOptimizer(path: string): Promise<AdamState> {
  const bytes = await readPart(path);
  try {
    const { tensors, metadata } = readSafetensors(bytes);
    const step = Number(metadata.step);
    if (!Number.isInteger(step)) throw new Error('it does not say how many steps were taken');
    return { step, moments: fromStateDict(tensors) };
  } catch (error) {
    throw new UserError(`${path} is damaged: ${firstLine(error)}`, { cause: error });
  }
}

async function readPart(path: string): Promise<Buffer> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    throw new UserError(
      `cannot resume without ${path}: ${describeFileError(error)}; ` +
        'a model alone can be evaluated, not resumed',
      { cause: error },
    );
  }
}

async function toStateDict(moments: AdamState['moments']): Promise<StateDict> {
  const tensors: StateDict = new Map();
  for (const [name, { first, second }] of Object.entries(moments)) {
    for (const [kind, tensor] of Object.entries({ first, second })) {
      const data = (await tensor.data()) as Float32Array;
      tensors.set(`${kind}/${name}`, { dtype: 'float32', shape: tensor.shape, data });
    }
  }
  return tensors;
}

function fromStateDict(tensors: StateDict): AdamState['moments'] {
  const moment = (kind: string, name: string) => {
    const stored = tensors.get(`${kind}/${name}`);
    if (stored?.dtype !== 'float32') throw new Error(`it has no float32 tensor ${kind}/${name}`);
    return tf.tensor(stored.data, [...stored.shape], 'float32');
  };
  const names = [...tensors.keys()].flatMap((key) => key.match(/^first\/(.*)$/)?.[1] ?? []);
  // In a tidy, what was read before a missing tensor is found is freed.
  return tf.tidy(() =>
    Object.fromEntries(
      names.map((name) => [name, { first: moment('first', name), second: moment('second', name) }]),
    ),
  );
}

/** Moments of another model would train without a word, or fail in the middle of a step. */
function checkMoments(dir: string, model: LayersModel, { step, moments }: AdamState): void {
  const missing = model.trainableWeights.find((w) => step > 0 && !moments[w.originalName]);
  if (missing !== undefined) {
    disposeState({ step, moments });
    throw new UserError(
      `${join(dir, optimizerFile)} is of another model: it has nothing for ${missing.originalName}`,
    );
  }
  const sizes = new Map(
    model.weights.map((w) => [w.originalName, elementCount(w.shape as number[])]),
  );
  for (const [name, { first, second }] of Object.entries(moments)) {
    const size = sizes.get(name);
    if (size === undefined || first.size !== size || second.size !== size) {
      disposeState({ step, moments });
      throw new UserError(
        `${join(dir, optimizerFile)} is of another model: it has ${first.size} values for ${name}, ` +
          (size === undefined ? 'which the model has not' : `the model has ${size}`),
      );
    }
  }
}
