/** What an optimizer remembers, as a safetensors file. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { OptimizerState } from '../../training/optimizer.js';
import { readSafetensors, writeSafetensors } from '../../weights/safetensors.js';
import { elementCount, type StateDict } from '../../weights/state_dict.js';
import { firstLine, UserError } from '../user_error.js';
import { writeFileSafely } from '../write_file.js';
import { readPart } from './checkpoint_folders.js';

/** Writes a state, and disposes it. @throws UserError */
export async function writeOptimizer(path: string, state: OptimizerState): Promise<void> {
  const tensors = await toStateDict(state.slots).finally(() => disposeState(state));
  await writeFileSafely(path, writeSafetensors(tensors, { step: String(state.step) }));
}

/** Reads what `writeOptimizer` wrote; the caller disposes the tensors. @throws UserError */
export async function readOptimizer(path: string): Promise<OptimizerState> {
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

/** Frees the tensors of a state that no optimizer has taken over. */
export function disposeState({ slots }: OptimizerState): void {
  tf.dispose(slots);
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

/**
 * Refuses the state of another model, which would train without a word, or fail in the middle of a step; disposes it
 * then.
 *
 * @param path Where it is from.
 * @throws UserError
 */
export function checkFitsModel(path: string, model: LayersModel, state: OptimizerState): void {
  const problem = Object.values(state.slots)
    .map((ofSlot) => problemOfSlot(ofSlot, model, state.step))
    .find((found) => found !== undefined);
  if (problem === undefined) return;
  disposeState(state);
  throw new UserError('InvalidCheckpoint', `${path} is of another model: ${problem}`);
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
