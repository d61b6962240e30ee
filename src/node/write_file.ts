import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import { describeFileError, errorCode, UserError } from './user_error.js';

/**
 * Writes a file so that, whatever happens, the path holds either all of the new content or what it
 * held before: the data goes to a temporary file beside it, reaches the disk, and is renamed.
 *
 * @param path in an existing folder.
 * @throws UserError if it cannot be written (no permission, disk full).
 */
export async function writeFileSafely(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await fs.open(temporary, 'wx');
    try {
      // Unlike a single write, this goes on until all is written or the disk is full.
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw cannotWrite(path, error);
  }
}

/**
 * Makes a folder and the folders above it where they are missing, and checks that files can be
 * written there, so that it is known before any work.
 *
 * @throws UserError if it cannot be made or written to.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path);
    await fs.access(path, fs.constants.W_OK);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Not by Node's own `recursive`, which never returns below folders such as /proc. */
async function makeFolders(path: string): Promise<void> {
  try {
    await fs.mkdir(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && dirname(path) !== path) {
      await makeFolders(dirname(path));
      await fs.mkdir(path);
    } else if (!(await isFolder(path))) {
      throw error;
    }
  }
}

function isFolder(path: string): Promise<boolean> {
  return fs.stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** The error of a file or folder that cannot be written. */
export function cannotWrite(path: string, error: unknown): UserError {
  return new UserError('CannotWrite', `cannot write ${path}: ${describeFileError(error)}`, {
    cause: error,
  });
}

/** Makes a rename last through a power cut. Not every system can open a folder; then it is left. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
