import { BtnError } from '../ops/errors.js';

/** What a user has to mend. */
export type UserErrorCode =
  /** A flag or an option is missing, has a value that it must not have, or does not go with another. */
  | 'InvalidSettings'
  /** A folder of images is not laid out as it must be. */
  | 'InvalidData'
  /** An image cannot be read or decoded. */
  | 'InvalidImage'
  /** A checkpoint or a run is missing, damaged or of another model. */
  | 'InvalidCheckpoint'
  /** A file of a model or of weights cannot be used. */
  | 'InvalidModel'
  /** The backend is not installed or found no device. */
  | 'BackendUnavailable'
  /** A file cannot be written, or would overwrite another. */
  | 'CannotWrite'
  /** The loss or the outputs are no numbers any more: the learning rate was too large. */
  | 'Diverged'
  /** A worker thread ended. */
  | 'WorkerDied';

/**
 * A mistake that the user can mend: a wrong path, a damaged file, a folder laid out differently.
 *
 * The message is one line that says what is wrong, where, and what to do. The command prints it
 * without a stack; any other error is a bug and keeps its stack.
 *
 * @example
 * try {
 *   await imageFolder('no-such-folder', 'RAF-DB');
 * } catch (error) {
 *   if (error instanceof UserError) console.log(error.code, '-', error.message);
 *   // InvalidData - cannot read the folder no-such-folder: no such file or folder
 * }
 */
export class UserError extends BtnError<UserErrorCode> {
  override name = 'UserError';
}

const fileProblems: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'part of the path is a file, not a folder',
  EEXIST: 'there is a file of that name',
  EISDIR: 'it is a folder, not a file',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'symbolic links run in a circle',
  EIO: 'the disk reports a read or write failure',
};

/** What went wrong in a file-system call, in plain words on one line. */
export function describeFileError(error: unknown): string {
  const code = errorCode(error);
  return (code && fileProblems[code]) || firstLine(error);
}

/** The system's code of an error, such as `ENOENT`, if it has one. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error instanceof BtnError)
    return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The first line of an error's message. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.trim().split('\n')[0] ?? '').trim();
}
