/** Models as weights by name: what they are read into, and built from on any backend. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { registerLayers } from 'btn-layers';
import { type BtnConfig, btn, type Preset } from 'btn-layers/models';
import { classNamesOf, type DataType, dataTypes, isDataType } from 'btn-layers/training';
import {
  applyStateDict,
  identifyStateDict,
  loadTorchCheckpoint,
  readSafetensors,
  type StateDict,
  toStateDict,
  writeSafetensors,
} from 'btn-layers/weights';
import type { NamedFile } from '../protocol.js';

export interface ModelSource {
  name: string;
  metadata: Metadata;
  stateDict: StateDict;
}

/** What the trainer writes into its files. */
export interface Metadata {
  preset: Preset;
  config: BtnConfig;
  dataType: DataType;
  classNames: readonly string[];
}

/** Under which a safetensors file of the trainer keeps its metadata. */
const metadataKey = 'btn_layers';

/** @returns A network to train; `optimizeForInference` makes a faster one of it. */
export function buildModel({ metadata: { config }, stateDict }: ModelSource): tfl.LayersModel {
  const model = btn(config, { startsFromZeros: () => true });
  try {
    applyStateDict(model, stateDict);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * Reads the model of a run's folder (its best), of a model's folder, of a .safetensors or of a .pth file.
 *
 * @throws Error that says what is wrong.
 */
export async function readModel(files: readonly NamedFile[]): Promise<ModelSource> {
  const found = modelAmong(files);
  if (!found) {
    const names = files.map(({ path }) => path).slice(0, 3);
    throw new Error(
      `there is no model in ${names.join(', ') || 'it'}: expected the folder of a run, or a .safetensors or .pth file`,
    );
  }
  try {
    return found.path.endsWith('.json')
      ? await readLayersModel(found, files)
      : readWeights(found.path, new Uint8Array(await found.file.arrayBuffer()));
  } catch (error) {
    throw new Error(`${found.path} cannot be used: ${firstLine(error)}`);
  }
}

/** The bytes of a safetensors or PyTorch file. */
export function readWeights(path: string, bytes: Uint8Array): ModelSource {
  const name = path.split('/').at(-1)!;
  if (!name.endsWith('.safetensors')) return sourceOf(name, loadTorchCheckpoint(bytes));
  const { tensors, metadata } = readSafetensors(bytes);
  const text = metadata[metadataKey];
  return sourceOf(name, tensors, text === undefined ? undefined : (JSON.parse(text) as Metadata));
}

export function writeModel({ metadata, stateDict }: ModelSource): Uint8Array {
  return writeSafetensors(stateDict, { format: 'pt', [metadataKey]: JSON.stringify(metadata) });
}

/** A run's folder holds several models, and the state of an optimizer as .safetensors. */
function modelAmong(files: readonly NamedFile[]): NamedFile | undefined {
  const ending = (end: string) => files.find(({ path }) => path.endsWith(end));
  return (
    ending('best/model.json') ??
    ending('last/model.json') ??
    ending('model.json') ??
    ending('.safetensors') ??
    files.find(({ path }) => /\.(pth|pt|pth\.tar|bin)$/.test(path))
  );
}

async function readLayersModel(
  { path, file }: NamedFile,
  files: readonly NamedFile[],
): Promise<ModelSource> {
  const folder = path.slice(0, -'model.json'.length);
  const weights = files.filter((each) => each.path.startsWith(folder) && /\.bin$/.test(each.path));
  registerLayers();
  const model = await tfl.loadLayersModel(
    tf.io.browserFiles([file, ...weights.map((each) => each.file)]),
  );
  try {
    const stored = model.getUserDefinedMetadata() as { btnLayers?: Metadata } | undefined;
    if (!stored?.btnLayers) throw new Error('it is not a BTN that btn-layers trained');
    const name = folder.replace(/\/$/, '') || 'model.json';
    return sourceOf(name, await toStateDict(model), stored.btnLayers);
  } finally {
    model.dispose();
  }
}

/** Only names and options are taken from a file's own word; sizes come from its shapes. */
function sourceOf(name: string, stateDict: StateDict, own?: Metadata): ModelSource {
  const parts = own && {
    multiLevelAttention: own.config.multiLevelAttention,
    batchTransformer: own.config.batchTransformer,
  };
  const { preset, config } = identifyStateDict(stateDict, parts);
  const dataType = own && isDataType(own.dataType) ? own.dataType : dataTypeOf(config.numClasses);
  const classNames = classNamesOf(dataType);
  if (classNames.length !== config.numClasses) {
    throw new Error(
      `it has ${config.numClasses} classes, but ${dataType} has ${classNames.length}`,
    );
  }
  return { name, stateDict, metadata: { preset, config, dataType, classNames } };
}

/** PyTorch files do not say what they were trained on: the first data set with as many classes. */
function dataTypeOf(numClasses: number): DataType {
  const names = Object.keys(dataTypes) as DataType[];
  const found = names.find((name) => classNamesOf(name).length === numClasses);
  if (found) return found;
  throw new Error(`it has ${numClasses} classes: the known data sets have 7 or 8`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
