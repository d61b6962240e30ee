import { createHash } from 'node:crypto';
import { createReadStream, promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Optimizer, OptimizerState } from '../training/optimizer.js';
import { readSafetensors, writeSafetensors } from '../weights/safetensors.js';
import { elementCount, type StateDict } from '../weights/state_dict.js';
import { loadModelFiles, saveModelFiles } from './model_files.js';
import { describeFileError, errorCode, firstLine, UserError } from './user_error.js';
import { syncFolder, writeFileSafely } from './write_file.js';

const manifestFile = 'checkpoint.json';
const optimizerFile = 'optimizer.safetensors';
const progressFile = 'progress.json';

/** A model with what resuming needs. `Progress` is plain data of the trainer's. */
export interface Checkpoint<Progress> {
  model: LayersModel;
  optimizer: OptimizerState;
  progress: Progress;
  /** The folder that it was read from. */
  dir: string;
  /** Checkpoints that would have been taken before it, but are not whole. */
  damaged: readonly DamagedCheckpoint[];
}

/** A checkpoint that was passed over. */
export interface DamagedCheckpoint {
  dir: string;
  /** What is wrong with it. */
  problem: string;
}

/** What a checkpoint must hold, written when all of it is on the disk. */
interface Manifest {
  files: SavedFile[];
}

interface SavedFile {
  name: string;
  bytes: number;
  sha256: string;
}

/**
 * Saves model, optimizer and progress as one folder, with a `checkpoint.json` that holds size and
 * SHA-256 of each file. It is written beside the old one and takes its place whole; that one becomes
 * `dir.1`, the one before it `dir.2`. At every moment, one of them is a complete checkpoint.
 *
 * @param keep How many to keep, from 1 on, `dir` itself included.
 * @throws UserError when something cannot be written; the old checkpoints stay then.
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
  const state = await optimizer.getState();
  const tensors = await toStateDict(state.slots).finally(() => disposeState(state));
  const bytes = writeSafetensors(tensors, { step: String(state.step) });
  await writeFileSafely(join(dir, optimizerFile), bytes);
  await writeFileSafely(join(dir, progressFile), `${JSON.stringify(progress, null, 2)}\n`);
}

/** Writes size and checksum of each file of a folder into it: the mark of a complete checkpoint. */
export async function sealCheckpoint(dir: string): Promise<void> {
  const names = (await fs.readdir(dir)).filter((name) => name !== manifestFile).sort();
  const files: SavedFile[] = [];
  for (const name of names) {
    const path = join(dir, name);
    files.push({ name, bytes: (await fs.stat(path)).size, sha256: await sha256Of(path) });
  }
  const manifest: Manifest = { files };
  await writeFileSafely(join(dir, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** `last`, `last.1`, `last.2`, … */
function generation(dir: string, age: number): string {
  return age === 0 ? dir : `${dir}.${age}`;
}

/** Where checkpoints of that name are, or would be: the newest first. */
async function generations(dir: string): Promise<string[]> {
  const siblings = await fs.readdir(dirname(dir)).catch(() => []);
  const ages = siblings.flatMap((name) => {
    const age = name.startsWith(`${basename(dir)}.`) && name.slice(basename(dir).length + 1);
    return age && /^[1-9]\d*$/.test(age) ? [Number(age)] : [];
  });
  return [0, ...ages.sort((a, b) => a - b)].map((age) => generation(dir, age));
}

/** Makes room for a new one. Where a save was cut short before, there is room: nothing moves. */
async function moveBack(dir: string): Promise<void> {
  let free = 0;
  while (await exists(generation(dir, free))) free++;
  for (let age = free; age > 0; age--) {
    await fs.rename(generation(dir, age - 1), generation(dir, age));
  }
}

/** Deletes all checkpoints of that name but the `keep` newest. */
export async function forgetBeyond(dir: string, keep: number): Promise<void> {
  for (const old of (await existing(await generations(dir))).slice(keep)) {
    // Cut short, the rest of it must not be taken for a checkpoint.
    await fs.rm(`${dir}.old`, { recursive: true, force: true });
    await fs.rename(old, `${dir}.old`);
    await fs.rm(`${dir}.old`, { recursive: true, force: true });
  }
}

/**
 * Loads the newest checkpoint that is whole: all its files are there and have the checksums they were
 * saved with.
 *
 * @param path A checkpoint's folder, its `model.json`, or a run's folder, whose last one is taken. The
 *   ones before stand in for it: `last.1`, `last.2`, of a run at the end `best`.
 * @throws UserError when there is none, or its files do not belong together.
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
    const optimizer = await readOptimizer(join(dir, optimizerFile));
    checkMoments(dir, model, optimizer);
    return { model, optimizer, progress };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * What keeps a folder from being the checkpoint that was saved, in words; nothing where it is.
 *
 * @param part All of it, or only the model, beside which the rest may have been deleted.
 */
export async function problemOf(
  dir: string,
  part: 'all' | 'model' = 'all',
): Promise<string | undefined> {
  if (!(await exists(dir))) return 'it is missing';
  try {
    const files = parseManifest(await fs.readFile(join(dir, manifestFile), 'utf8'));
    const ofTraining = [optimizerFile, progressFile];
    for (const file of files) {
      if (part === 'model' && ofTraining.includes(file.name)) continue;
      const problem = await problemOfFile(dir, file);
      if (problem !== undefined) return problem;
    }
    return undefined;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') return `${manifestFile} is damaged: ${fileProblem(error)}`;
    return `${manifestFile} is missing; a model alone can be evaluated, not resumed`;
  }
}

async function problemOfFile(dir: string, saved: SavedFile): Promise<string | undefined> {
  const { name, bytes, sha256 } = saved;
  const path = join(dir, name);
  try {
    const { size } = await fs.stat(path);
    if (size !== bytes) return `${name} has ${size} bytes, but was saved with ${bytes}`;
    if ((await sha256Of(path)) !== sha256) return `${name} is not what was saved (SHA-256 differs)`;
    return undefined;
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? `${name} is missing` : `${name}: ${fileProblem(error)}`;
  }
}

function fileProblem(error: unknown): string {
  return errorCode(error) === undefined ? firstLine(error) : describeFileError(error);
}

function parseManifest(text: string): SavedFile[] {
  const files: unknown = (JSON.parse(text) as Partial<Manifest> | null)?.files;
  if (!Array.isArray(files) || !files.every(isSavedFile)) {
    throw new Error('it does not list files with their sizes and checksums');
  }
  const absent = ['model.json', optimizerFile, progressFile].find(
    (wanted) => !files.some(({ name }) => name === wanted),
  );
  if (absent !== undefined) throw new Error(`it does not list ${absent}`);
  return files;
}

function isSavedFile(value: unknown): value is SavedFile {
  const { name, bytes, sha256 } = (value ?? {}) as Partial<SavedFile>;
  return (
    typeof name === 'string' &&
    name === basename(name) &&
    Number.isSafeInteger(bytes) &&
    typeof sha256 === 'string'
  );
}

/** Frees the tensors of a state that no optimizer has taken over. */
export function disposeState({ slots }: OptimizerState): void {
  tf.dispose(slots);
}

/**
 * The folder of a checkpoint that a user names by its own path, its model.json or its run.
 *
 * @param wanted Which one of a run: the last to go on from, the best to use. A run that has no best
 *   yet gives its last.
 * @throws UserError when there is none.
 */
export async function checkpointFolder(path: string, wanted: 'last' | 'best'): Promise<string> {
  const [first] = await existing(await checkpointsOf(path, wanted));
  return first!;
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

/** Checkpoints that a path can mean, the first choice first, which may be missing. */
async function checkpointsOf(path: string, wanted: 'last' | 'best'): Promise<string[]> {
  const named = basename(path) === 'model.json' ? join(path, '..') : path;
  const dir = named.replace(/(?<=.)[\\/]+$/, '');
  const own = await generations(dir);
  if ((await existing(own)).length > 0) return [dir, ...(await existing(own.slice(1)))];
  const names = wanted === 'last' ? ['last', 'best'] : ['best', 'last'];
  const ofRun: string[] = [];
  for (const name of names) ofRun.push(...(await existing(await generations(join(dir, name)))));
  if (ofRun.length > 0) {
    const first = join(dir, 'last');
    return wanted === 'last' && ofRun[0] !== first ? [first, ...ofRun] : ofRun;
  }
  if (!(await exists(path)))
    throw new UserError('InvalidCheckpoint', `cannot read ${path}: no such file or folder`);
  throw new UserError(
    'InvalidCheckpoint',
    `no checkpoint in ${path}: expected a run's folder, or a folder with model.json`,
  );
}

/** Folders that hold a checkpoint, or what is left of one. */
async function existing(folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const dir of folders)
    if ((await holdsModel(dir)) || (await holdsProgress(dir))) found.push(dir);
  return found;
}

/** Whether there is a model in a folder. */
export function holdsModel(dir: string): Promise<boolean> {
  return exists(join(dir, 'model.json'));
}

/** Whether a folder says how far training went. */
export async function holdsProgress(dir: string): Promise<boolean> {
  for (const name of [manifestFile, progressFile, optimizerFile]) {
    if (await exists(join(dir, name))) return true;
  }
  return false;
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
    throw new UserError('InvalidCheckpoint', `${path} is damaged: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

async function readOptimizer(path: string): Promise<OptimizerState> {
  const bytes = await readPart(path);
  try {
    const { tensors, metadata } = readSafetensors(bytes);
    const step = Number(metadata.step);
    if (!Number.isInteger(step)) throw new Error('it does not say how many steps were taken');
    return { step, slots: fromStateDict(tensors) };
  } catch (error) {
    throw new UserError('InvalidCheckpoint', `${path} is damaged: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

async function readPart(path: string): Promise<Buffer> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    throw new UserError('InvalidCheckpoint', `cannot read ${path}: ${describeFileError(error)}`, {
      cause: error,
    });
  }
}

/** Tensors are named `SLOT/VARIABLE`. */
async function toStateDict(slots: OptimizerState['slots']): Promise<StateDict> {
  const tensors: StateDict = new Map();
  for (const [slot, ofSlot] of Object.entries(slots)) {
    for (const [name, tensor] of Object.entries(ofSlot)) {
      const data = (await tensor.data()) as Float32Array;
      tensors.set(`${slot}/${name}`, { dtype: 'float32', shape: tensor.shape, data });
    }
  }
  return tensors;
}

function fromStateDict(tensors: StateDict): OptimizerState['slots'] {
  const keys = [...tensors.keys()].map((key) => key.split(/\/(.*)/) as [string, string]);
  const [slots, names] = [0, 1].map((part) => [...new Set(keys.map((key) => key[part]!))]);
  const read = (key: string) => {
    const stored = tensors.get(key);
    if (stored?.dtype !== 'float32') throw new Error(`it has no float32 tensor ${key}`);
    return tf.tensor(stored.data, [...stored.shape], 'float32');
  };
  const ofSlot = (slot: string) =>
    Object.fromEntries(names!.map((name) => [name, read(`${slot}/${name}`)]));
  // In a tidy, what was read before a missing tensor is found is freed.
  return tf.tidy(() => Object.fromEntries(slots!.map((slot) => [slot, ofSlot(slot)])));
}

/** The state of another model would train without a word, or fail in the middle of a step. */
function checkMoments(dir: string, model: LayersModel, state: OptimizerState): void {
  const problem = Object.values(state.slots)
    .map((ofSlot) => problemOfSlot(ofSlot, model, state.step))
    .find((found) => found !== undefined);
  if (problem === undefined) return;
  disposeState(state);
  throw new UserError(
    'InvalidCheckpoint',
    `${join(dir, optimizerFile)} is of another model: ${problem}`,
  );
}

function problemOfSlot(
  ofSlot: Record<string, tf.Tensor>,
  model: LayersModel,
  step: number,
): string | undefined {
  const missing = model.trainableWeights.find((w) => step > 0 && !ofSlot[w.originalName]);
  if (missing !== undefined) return `it has nothing for ${missing.originalName}`;
  const sizes = new Map(
    model.weights.map((w) => [w.originalName, elementCount(w.shape as number[])]),
  );
  for (const [name, { size }] of Object.entries(ofSlot)) {
    if (sizes.get(name) === size) continue;
    const wanted = sizes.has(name) ? `the model has ${sizes.get(name)}` : 'which the model has not';
    return `it has ${size} values for ${name}, ${wanted}`;
  }
  return undefined;
}
