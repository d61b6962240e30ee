/** The file `model.json` of TensorFlow.js's layers format, of which nothing is taken on trust. */
import { promises as fs } from 'node:fs';
import { basename } from 'node:path';
import { type io, util } from '@tensorflow/tfjs-core';
import { describeFileError, errorCode, firstLine, UserError } from '../user_error.js';

/** Reads a `model.json` that need not be trusted. @throws UserError when it is damaged or of another format. */
export async function readModelJson(path: string): Promise<io.ModelJSON> {
  const json = parseJson(path, await readModelFile(path));
  if (!isObject(json)) throw damaged(path, 'it does not hold a JSON object');
  if (json.format === 'graph-model') {
    throw new UserError(
      'InvalidModel',
      `${path} is a graph model: convert it with --output_format=tfjs_layers_model`,
    );
  }
  if (!isObject(json.modelTopology)) throw damaged(path, 'it has no "modelTopology"');
  return { ...json, modelTopology: json.modelTopology, weightsManifest: checkManifest(path, json) };
}

function parseJson(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged(path, `it is not JSON (${firstLine(error)})`, error);
  }
}

function checkManifest(path: string, json: Record<string, unknown>): io.WeightsManifestConfig {
  const groups = json.weightsManifest;
  if (!Array.isArray(groups)) throw damaged(path, 'it has no "weightsManifest"');
  return groups.map((group: unknown) => {
    if (!isObject(group) || !isStrings(group.paths) || !Array.isArray(group.weights)) {
      throw damaged(path, 'each group of "weightsManifest" needs "paths" and "weights"');
    }
    for (const name of group.paths) checkWeightPath(path, name);
    return { paths: group.paths, weights: group.weights.map((spec) => checkSpec(path, spec)) };
  });
}

/** A model from elsewhere must not make us read files outside its folder. */
function checkWeightPath(modelPath: string, name: string): void {
  const parts = name.split('/');
  if (/[\\:\0]/.test(name) || parts.some((part) => part === '' || part === '..')) {
    throw new UserError(
      'InvalidModel',
      `${modelPath} names the weights file ${JSON.stringify(name)}, ` +
        'which is not inside its folder: refused',
    );
  }
}

function checkSpec(path: string, spec: unknown): io.WeightsManifestEntry {
  if (!isObject(spec) || typeof spec.name !== 'string' || !isShape(spec.shape)) {
    throw damaged(path, 'each weight needs a "name" and a "shape"');
  }
  const stored = storedDtype(spec);
  if (stored === undefined) {
    throw damaged(path, `weight ${spec.name} has the dtype ${JSON.stringify(spec.dtype)}`);
  }
  return spec as unknown as io.WeightsManifestEntry;
}

const bytesOf: Record<string, number> = {
  float32: 4,
  int32: 4,
  complex64: 8,
  bool: 1,
  uint8: 1,
  uint16: 2,
  float16: 2,
};

/** The dtype of a weight's bytes in the file, if it is one whose length is known beforehand. */
function storedDtype(spec: Record<string, unknown>): string | undefined {
  const dtype = isObject(spec.quantization) ? spec.quantization.dtype : spec.dtype;
  return typeof dtype === 'string' && Object.hasOwn(bytesOf, dtype) ? dtype : undefined;
}

/** How many bytes of the file a weight takes. */
export function storedBytes(spec: io.WeightsManifestEntry): number {
  const dtype = storedDtype(spec as unknown as Record<string, unknown>)!;
  return util.sizeFromShape(spec.shape) * bytesOf[dtype]!;
}

/** Reads a `model.json` or a file of weights. @throws UserError */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    const what = basename(path).endsWith('.json') ? 'model' : 'weights';
    const hint =
      errorCode(error) === 'ENOENT' && what === 'weights' ? '; copy it along with model.json' : '';
    throw new UserError(
      'InvalidModel',
      `cannot read the ${what} file ${path}: ${describeFileError(error)}${hint}`,
      {
        cause: error,
      },
    );
  }
}

/** The error of a model whose files are damaged. */
export function damaged(path: string, reason: string, cause?: unknown): UserError {
  return new UserError('InvalidModel', `${path} is not a usable layers model: ${reason}`, {
    cause,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isShape(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0)
  );
}
