import { promises as fs } from 'node:fs';
import { extname } from 'node:path';
import { loadTorchCheckpoint } from '../../weights/load_torch_checkpoint.js';
import { type RenameTable, renameStateDict } from '../../weights/rename.js';
import { readSafetensors } from '../../weights/safetensors.js';
import type { StateDict } from '../../weights/state_dict.js';
import { describeFileError, firstLine, UserError } from '../user_error.js';

/** What a PyTorch or safetensors file holds. */
export interface WeightsFile {
  stateDict: StateDict;
  /** Free text by key, of a safetensors file. */
  metadata: Record<string, string>;
}

/** Whether a path is that of a PyTorch or safetensors file: any file that is not JSON. */
export async function isWeightsFile(path: string): Promise<boolean> {
  if (extname(path).toLowerCase() === '.json') return false;
  return fs.stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

/**
 * Reads a PyTorch checkpoint (`.pth`, `.pt`, `.pth.tar`, `.bin`) or a safetensors file. The file need
 * not be trusted.
 *
 * @param rename Path of a JSON file with new names by pattern: `{ "their.q.*": "mla.query.*" }`.
 * @throws UserError for a file that cannot be read, is damaged or is neither.
 */
export async function readWeightsFile(path: string, rename?: string): Promise<WeightsFile> {
  const table = rename === undefined ? undefined : await readRenameTable(rename);
  const bytes = await readBytes(path);
  const file = parseWeights(path, bytes);
  if (table === undefined) return file;
  try {
    return { ...file, stateDict: renameStateDict(file.stateDict, table) };
  } catch (error) {
    throw new UserError(
      'InvalidModel',
      `cannot rename the weights of ${path}: ${firstLine(error)}`,
    );
  }
}

function parseWeights(path: string, bytes: Uint8Array): WeightsFile {
  try {
    if (isSafetensors(path, bytes)) {
      const { tensors, metadata } = readSafetensors(bytes);
      return { stateDict: tensors, metadata };
    }
    return { stateDict: loadTorchCheckpoint(bytes), metadata: {} };
  } catch (error) {
    throw new UserError('InvalidModel', `cannot read ${path}: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

/** By its name, or by the header's opening brace after the header's length. */
function isSafetensors(path: string, bytes: Uint8Array): boolean {
  return extname(path).toLowerCase() === '.safetensors' || bytes[8] === 0x7b;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    throw new UserError('InvalidModel', `cannot read ${path}: ${describeFileError(error)}`, {
      cause: error,
    });
  }
}

async function readRenameTable(path: string): Promise<RenameTable> {
  const text = new TextDecoder().decode(await readBytes(path));
  const table = parseJson(path, text);
  const isTable =
    typeof table === 'object' &&
    table !== null &&
    !Array.isArray(table) &&
    Object.values(table).every((name) => name === null || typeof name === 'string');
  if (!isTable)
    throw new UserError(
      'InvalidSettings',
      `${path} is no table of names: it must map patterns to names or to null`,
    );
  return table as RenameTable;
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError('InvalidSettings', `${path} is not JSON: ${firstLine(error)}`, {
      cause: error,
    });
  }
}
