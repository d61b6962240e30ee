/** Where checkpoints lie, by the paths that users give, and how older ones make room for new. */
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describeFileError, UserError } from '../user_error.js';

/** Names of the files in a checkpoint's folder, beside those of the model. */
export const manifestFile = 'checkpoint.json';
export const optimizerFile = 'optimizer.safetensors';
export const progressFile = 'progress.json';

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

/** Checkpoints that a path can mean, the first choice first, which may be missing. */
export async function checkpointsOf(path: string, wanted: 'last' | 'best'): Promise<string[]> {
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
export async function existing(folders: readonly string[]): Promise<string[]> {
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

/** Whether there is a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return fs.access(path).then(
    () => true,
    () => false,
  );
}

/** `last`, `last.1`, `last.2`, … */
function generation(dir: string, age: number): string {
  return age === 0 ? dir : `${dir}.${age}`;
}

/** Where checkpoints of that name are, or would be: the newest first. */
export async function generations(dir: string): Promise<string[]> {
  const siblings = await fs.readdir(dirname(dir)).catch(() => []);
  const ages = siblings.flatMap((name) => {
    const age = name.startsWith(`${basename(dir)}.`) && name.slice(basename(dir).length + 1);
    return age && /^[1-9]\d*$/.test(age) ? [Number(age)] : [];
  });
  return [0, ...ages.sort((a, b) => a - b)].map((age) => generation(dir, age));
}

/** Makes room for a new one. Where a save was cut short before, there is room: nothing moves. */
export async function moveBack(dir: string): Promise<void> {
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

/** Reads a file of a checkpoint. @throws UserError */
export async function readPart(path: string): Promise<Buffer> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    throw new UserError('InvalidCheckpoint', `cannot read ${path}: ${describeFileError(error)}`, {
      cause: error,
    });
  }
}
