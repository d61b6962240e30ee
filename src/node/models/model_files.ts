import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import { dispose, io } from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers';
import { registerLayers } from '../../layers/register_layers.js';
import { describeFileError, firstLine, UserError } from '../user_error.js';
import { makeFolder, writeFileSafely } from '../write_file.js';
import { damaged, readModelFile, readModelJson, storedBytes } from './model_json.js';

/** The size that TensorFlow.js splits weights at, so that browsers cache them. */
const shardBytes = 4 * 1024 * 1024;
const ownWeights = /^weights-[0-9a-f]{16}-\d+of\d+\.bin$/;
/** What a save that was killed left behind. */
const unfinished = /^(model\.json|weights-.+\.bin)\.[0-9a-f]{12}\.tmp$/;

/**
 * Saves a model in the TensorFlow.js layers format: `model.json` and `weights-….bin` files. It
 * opens in a browser with `tf.loadLayersModel(url)`, after `registerLayers()`. Metadata set with
 * `model.setUserDefinedMetadata` is kept; an optimizer is not.
 *
 * A crash at any moment leaves the earlier model or the new one, never half of each: weights are
 * written under a name made from their content, then `model.json` is replaced in one step, then
 * the weights that it no longer names are deleted. One process at a time may save to a folder.
 *
 * @param dir made if it is missing; files of others in it are left alone.
 * @returns the path of `model.json`.
 * @throws UserError if something cannot be written (no permission, disk full).
 *
 * @example
 * const path = await saveModel(model, 'models/tiny');
 * console.log(path); // models/tiny/model.json
 */
export async function saveModelFiles(model: LayersModel, dir: string): Promise<string> {
  const artifacts = await captureArtifacts(model);
  await makeFolder(dir);
  const { weightData, weightSpecs, ...rest } = artifacts;
  const weights = new Uint8Array(io.CompositeArrayBuffer.join(weightData ?? new ArrayBuffer(0)));
  const paths = await writeWeights(weights, dir);
  const json = { ...rest, weightsManifest: [{ paths, weights: weightSpecs ?? [] }] };
  const modelPath = join(dir, 'model.json');
  await writeFileSafely(modelPath, JSON.stringify(json));
  await deleteOldWeights(dir, new Set(paths));
  return modelPath;
}

/**
 * Loads a model saved by `saveModelFiles` or by TensorFlow.js in the layers format.
 *
 * The files need not be trusted: weights are read from the model's own folder only, and their
 * lengths must be those that `model.json` states.
 *
 * @param path the model's folder, or its `model.json`.
 * @throws UserError if files are missing, damaged or not such a model.
 *
 * @example
 * const model = await loadModel('runs/tiny/best'); // or any folder of saveModel
 * console.log(model.outputNames); // [ 'vit', 'bt', 'cba' ]
 */
export async function loadModelFiles(path: string): Promise<LayersModel> {
  const modelPath = await findModelJson(path);
  const json = await readModelJson(modelPath);
  const artifacts = await io.getModelArtifactsForJSON(json, (manifest) =>
    readWeights(modelPath, manifest),
  );
  try {
    return await modelOf(artifacts);
  } catch (error) {
    throw damaged(modelPath, explain(error), error);
  }
}

/** A model from its topology alone, as `model.toJSON(null, false)` gives it; its weights have no values yet. */
export function modelOfTopology(modelTopology: object): Promise<LayersModel> {
  return modelWithoutWeights({ modelTopology });
}

function modelWithoutWeights(artifacts: io.ModelArtifacts): Promise<LayersModel> {
  registerLayers();
  return loadLayersModel({ load: async () => promisingWeights(artifacts) });
}

/** As loadLayersModel, which leaves the whole model behind when weights do not fit. */
async function modelOf({ weightData, weightSpecs, ...rest }: io.ModelArtifacts) {
  const model = await modelWithoutWeights(rest);
  const weights = io.decodeWeights(weightData!, weightSpecs!);
  try {
    const ofOptimizer = weightSpecs!.filter(({ group }) => group === 'optimizer');
    const without = new Set(ofOptimizer.map(({ name }) => name));
    model.loadWeights(
      Object.fromEntries(Object.entries(weights).filter(([name]) => !without.has(name))),
    );
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    dispose(weights);
  }
}

/**
 * Artifacts that seem to have weights when TensorFlow.js first asks, so that it builds layers without
 * initial values, which take seconds at full size, and have none when it would load them.
 */
function promisingWeights(artifacts: io.ModelArtifacts): io.ModelArtifacts {
  let asked = 0;
  return {
    ...artifacts,
    weightSpecs: [],
    get weightData() {
      return asked++ === 0 ? new ArrayBuffer(0) : undefined;
    },
  };
}

function explain(error: unknown): string {
  const message = firstLine(error);
  const layer = /^Unknown layer: (\w+)/.exec(message)?.[1];
  return layer ? `no layer named ${layer} is known: import what registers it first` : message;
}

async function captureArtifacts(model: LayersModel): Promise<io.ModelArtifacts> {
  let captured: io.ModelArtifacts | undefined;
  await model.save(
    io.withSaveHandler(async (artifacts) => {
      captured = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  return captured!;
}

/** @returns the names of the files written. */
async function writeWeights(weights: Uint8Array, dir: string): Promise<string[]> {
  const hash = createHash('sha256').update(weights).digest('hex').slice(0, 16);
  const count = Math.ceil(weights.length / shardBytes);
  const names = Array.from({ length: count }, (_, i) => `weights-${hash}-${i + 1}of${count}.bin`);
  for (const [i, name] of names.entries()) {
    await writeFileSafely(join(dir, name), weights.subarray(i * shardBytes, (i + 1) * shardBytes));
  }
  return names;
}

async function deleteOldWeights(dir: string, current: ReadonlySet<string>): Promise<void> {
  const old = (await fs.readdir(dir)).filter(
    (name) => unfinished.test(name) || (ownWeights.test(name) && !current.has(name)),
  );
  // The new model is complete; an old file that stays costs only space.
  await Promise.all(old.map((name) => fs.rm(join(dir, name)).catch(() => undefined)));
}

async function findModelJson(path: string): Promise<string> {
  try {
    return (await fs.stat(path)).isDirectory() ? join(path, 'model.json') : path;
  } catch (error) {
    throw new UserError(
      'InvalidModel',
      `cannot read the model ${path}: ${describeFileError(error)}`,
    );
  }
}

async function readWeights(
  modelPath: string,
  manifest: io.WeightsManifestConfig,
): Promise<[io.WeightsManifestEntry[], ArrayBuffer]> {
  const files: Uint8Array[] = [];
  for (const { paths, weights } of manifest) {
    const group: Uint8Array[] = [];
    for (const name of paths) group.push(await readModelFile(join(dirname(modelPath), name)));
    checkLength(modelPath, paths, group, weights);
    files.push(...group);
  }
  return [manifest.flatMap(({ weights }) => weights), joinBytes(files)];
}

function checkLength(
  modelPath: string,
  paths: readonly string[],
  files: readonly Uint8Array[],
  weights: readonly io.WeightsManifestEntry[],
): void {
  const expected = weights.reduce((total, spec) => total + storedBytes(spec), 0);
  const found = totalBytes(files);
  if (found === expected) return;
  const which = paths.length === 1 ? paths[0] : `${paths[0]} and the ${paths.length - 1} after it`;
  throw damaged(
    modelPath,
    `its weights (${which}) hold ${found} bytes where ${expected} are expected`,
  );
}

function joinBytes(files: readonly Uint8Array[]): ArrayBuffer {
  const joined = new Uint8Array(totalBytes(files));
  let offset = 0;
  for (const file of files) {
    joined.set(file, offset);
    offset += file.length;
  }
  return joined.buffer;
}

function totalBytes(files: readonly Uint8Array[]): number {
  return files.reduce((total, file) => total + file.length, 0);
}
