import { promises as fs } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import type { DataType } from '../../training/data_types.js';
import { writeSafetensors } from '../../weights/safetensors.js';
import { toStateDict } from '../../weights/to_state_dict.js';
import { modelFolder } from '../checkpoint/checkpoint.js';
import { errorCode, firstLine, UserError } from '../user_error.js';
import { makeFolder, writeFileSafely } from '../write_file.js';
import { findMetadata, loadBtn, safetensorsMetadata } from './btn_files.js';
import { loadModelFiles, saveModelFiles } from './model_files.js';
import { isWeightsFile, readWeightsFile } from './weights_file.js';

/** What `convert` reads and writes. */
export interface ConvertOptions {
  /** A PyTorch checkpoint, a safetensors file, a model.json, or the folder of a model or a run. */
  from: string;
  /** `NAME.safetensors`, or a folder for a TensorFlow.js model. Must not exist yet. */
  to: string;
  /** What a BTN was trained on, where its file does not say. Default: RAF-DB, or AffectNet-8. */
  dataType?: DataType;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
}

/** What `convert` did. */
export interface ConvertResult {
  /** The file written; of a TensorFlow.js model, its model.json. */
  path: string;
  /** What to know of how the file fitted. */
  notes: readonly string[];
}

/**
 * Converts weights between PyTorch (read only), safetensors and TensorFlow.js.
 *
 * From PyTorch to safetensors every tensor keeps its name, dtype and bytes, whatever network it is of.
 * To TensorFlow.js it must be a BTN or POSTER V2; from TensorFlow.js any layers model will do.
 *
 * @throws UserError when the file cannot be read or used, or `to` is taken.
 *
 * @example
 * const { path, notes } = await convert({ from: 'runs/tiny', to: 'tiny.safetensors' });
 * console.log(path, notes); // tiny.safetensors [ '307 tensors' ]
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  const { from, to, dataType, rename } = options;
  const target = targetOf(to);
  const ofWeights = await isWeightsFile(from);
  const folder = ofWeights ? undefined : await modelFolder(from);
  if (target === 'model' && !ofWeights) {
    throw new UserError(
      'InvalidSettings',
      `${from} is a TensorFlow.js model already: copy ${folder}`,
    );
  }
  if (rename !== undefined && !ofWeights) {
    throw new UserError(
      'InvalidSettings',
      `--rename is for PyTorch and safetensors files: ${from} is neither`,
    );
  }
  await checkFree(to);
  if (target === 'model') return weightsToModel(from, to, { dataType, rename });
  return folder ? modelToSafetensors(folder, to) : weightsToSafetensors(from, to, rename);
}

function targetOf(to: string): 'model' | 'safetensors' {
  const extension = extname(to).toLowerCase();
  if (extension === '.safetensors') return 'safetensors';
  if (['.pth', '.pt', '.tar', '.bin', '.ckpt'].includes(extension)) {
    throw new UserError(
      'CannotWrite',
      `cannot write ${to}: PyTorch's own format is only read; write ${basename(to, extension)}.safetensors ` +
        'and read it in PyTorch with safetensors.torch.load_file',
    );
  }
  if (['.h5', '.keras', '.onnx', '.npz', '.pkl', '.tflite', '.pb'].includes(extension)) {
    throw new UserError(
      'CannotWrite',
      `cannot write ${to}: only .safetensors files and TensorFlow.js models are`,
    );
  }
  if (extension === '.json') {
    throw new UserError(
      'CannotWrite',
      `cannot write ${to}: name the folder that is to hold the model`,
    );
  }
  return 'model';
}

/** A folder may be there if it is empty. */
async function checkFree(path: string): Promise<void> {
  const taken = await fs.readdir(path).then(
    (entries) => entries.length > 0,
    (error: unknown) => errorCode(error) !== 'ENOENT',
  );
  if (taken)
    throw new UserError('CannotWrite', `${path} exists already: remove it or choose another name`);
}

async function weightsToModel(
  from: string,
  to: string,
  wanted: Pick<ConvertOptions, 'dataType' | 'rename'>,
): Promise<ConvertResult> {
  const { model, notes } = await loadBtn(from, wanted);
  try {
    return { path: await saveModelFiles(model, to), notes };
  } finally {
    model.dispose();
  }
}

async function weightsToSafetensors(
  from: string,
  to: string,
  rename: string | undefined,
): Promise<ConvertResult> {
  const { stateDict, metadata } = await readWeightsFile(from, rename);
  await writeSafetensorsFile(to, () => writeSafetensors(stateDict, { format: 'pt', ...metadata }));
  return { path: to, notes: [`${stateDict.size} tensors`] };
}

async function modelToSafetensors(folder: string, to: string): Promise<ConvertResult> {
  const model = await loadModelFiles(folder);
  try {
    const stateDict = await toStateDict(model);
    const metadata = findMetadata(model);
    const text = metadata ? safetensorsMetadata(metadata) : { format: 'pt' };
    await writeSafetensorsFile(to, () => writeSafetensors(stateDict, text));
    return { path: to, notes: [`${stateDict.size} tensors`] };
  } finally {
    model.dispose();
  }
}

async function writeSafetensorsFile(path: string, write: () => Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  let bytes: Uint8Array;
  try {
    bytes = write();
  } catch (error) {
    throw new UserError('CannotWrite', `cannot write ${path}: ${firstLine(error)}`, {
      cause: error,
    });
  }
  await writeFileSafely(path, bytes);
}
