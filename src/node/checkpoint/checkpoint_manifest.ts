/** How a checkpoint tells whether it is whole: by a list of its files with their sizes and checksums. */
import { createHash } from 'node:crypto';
import { createReadStream, promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describeFileError, errorCode, firstLine } from '../user_error.js';
import { writeFileSafely } from '../write_file.js';
import { exists, manifestFile, optimizerFile, progressFile } from './checkpoint_folders.js';

/** What a checkpoint must hold, written when all of it is on the disk. */
interface Manifest {
  files: SavedFile[];
}

interface SavedFile {
  name: string;
  bytes: number;
  sha256: string;
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

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
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
