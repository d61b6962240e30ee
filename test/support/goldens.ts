/** What PyTorch computed, and how far we are from it. scripts/goldens writes the files. */
import { appendFileSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { expect } from 'vitest';
import {
  applyStateDict,
  readSafetensors,
  type StateDict,
  toFloat32,
  toStateDict,
} from '../../src/weights/index.js';
import { tidied } from './arrays.js';
import { formulaStateDict, formulaVersion } from './formula.js';

/** Values by name, in PyTorch's order. */
export type Values = Map<string, Float32Array>;

/** What every file says about itself. */
interface About {
  formula: number;
  tolerance: number;
  /** Share of a group's largest value below which a tensor is zero in exact arithmetic. */
  vanishing: number;
}

export class Golden<T extends object> {
  private constructor(
    readonly about: About & T,
    private readonly tensors: StateDict,
  ) {}

  static read<T extends object>(name: string): Golden<T> {
    const path = new URL(`../fixtures/goldens/${name}.safetensors`, import.meta.url);
    const { tensors, metadata } = readSafetensors(readFileSync(path));
    const about = JSON.parse(metadata.golden!) as About & T;
    expect(about.formula).toBe(formulaVersion);
    return new Golden(about, tensors);
  }

  values(name: string): Float32Array {
    return toFloat32(this.tensors.get(name)!);
  }

  /** All below a path, by the rest of their names. */
  group(path: string): Values {
    const names = [...this.tensors.keys()].filter((name) => name.startsWith(`${path}/`));
    return new Map(names.map((name) => [name.slice(path.length + 1), this.values(name)]));
  }
}

/** Gives a model the weights that follow from their names. @returns them. */
export async function setFormulaWeights(model: LayersModel, namespace = ''): Promise<StateDict> {
  const weights = formulaStateDict(await toStateDict(model), namespace);
  applyStateDict(model, weights);
  return weights;
}

/** All that a model holds, by PyTorch's names and in its layouts, integers left out. */
export async function stateOf(model: LayersModel): Promise<Values> {
  const floats = [...(await toStateDict(model))].filter(([, { dtype }]) => dtype === 'float32');
  return new Map(floats.map(([name, tensor]) => [name, toFloat32(tensor).slice()]));
}

/**
 * Gradients of a model's trainable weights by PyTorch's names and in its layouts: put in the place of
 * the weights, they take the same way out. The model's weights are lost.
 *
 * @param gradients By variable name.
 */
export async function gradientsOf(
  model: LayersModel,
  gradients: tf.NamedTensorMap,
): Promise<Values> {
  for (const weight of model.weights) {
    tf.tidy(() => {
      const value = weight.read();
      weight.write(gradients[(value as tf.Variable).name] ?? tf.zerosLike(value));
    });
  }
  return stateOf(model);
}

/** Values in PyTorch's order: images and maps are `[B, C, H, W]` there. */
export function torchValues(tensor: tf.Tensor): Float32Array {
  return tidied(() => {
    const there = tensor.rank === 4 ? tf.transpose(tensor, [0, 3, 1, 2]) : tensor;
    return Float32Array.from(there.dataSync());
  });
}

/** Values in PyTorch's order as a tensor of ours. */
export function fromTorchValues(values: Float32Array, shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const there = tf.tensor(values, [...shape]);
    return there.rank === 4 ? tf.transpose(there, [0, 2, 3, 1]) : there;
  });
}

/**
 * The worst of a group: largest difference over largest magnitude, of each tensor. One that vanishes
 * in exact arithmetic is measured by the largest magnitude of the group: it has no size of its own.
 *
 * @param sizes Largest magnitudes, where `expected` are samples of the tensors.
 */
export function groupError(
  actual: Values,
  expected: Values,
  vanishing = 0,
  sizes = new Map([...expected].map(([name, values]) => [name, magnitude(values)])),
): number {
  const largest = Math.max(...sizes.values());
  const errors = [...expected].map(([name, values]) => {
    const size = sizes.get(name)!;
    const found = actual.get(name);
    expect(found, name).toHaveLength(values.length);
    return difference(found!, values) / (size > vanishing * largest ? size : largest);
  });
  return Math.max(...errors);
}

/** NaN where one value is. */
export function difference(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

export function magnitude(values: Float32Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

/** One line of the table of errors. */
export interface Measured {
  what: string;
  quantity: string;
  backend: string;
  error: number;
  tolerance: number;
  /** Of PyTorch's own float32, where it was measured. */
  torch?: number | undefined;
}

/** Asserts that an error is within its tolerance, and records it where `BTN_ERRORS` names a file. */
export function expectWithin(measured: Measured): void {
  const file = process.env.BTN_ERRORS;
  if (file) appendFileSync(file, `${JSON.stringify(measured)}\n`);
  const { what, quantity, error, tolerance } = measured;
  // Written so that NaN fails.
  expect(error, `${what}: error of ${quantity}`).toBeLessThanOrEqual(tolerance);
}
