/** Random arrays, and the way between float64 arrays and tensors. */
import * as tf from '@tensorflow/tfjs-core';
import { type NdArray, ndArray } from './reference/index.js';

/** A stream of uniform numbers in [0, 1) (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Standard normal numbers times `scale` plus `shift`, rounded to float32 so that a tensor holds
 * exactly the values that the reference sees.
 */
export function randomArray(
  shape: readonly number[],
  seed: number,
  { scale = 1, shift = 0 } = {},
): NdArray {
  const random = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return ndArray(shape, () => Math.fround(normal() * scale + shift));
}

export function toTensor({ shape, data }: NdArray): tf.Tensor {
  return tf.tensor(Float32Array.from(data), [...shape], 'float32');
}

export function toArray(tensor: tf.Tensor): NdArray {
  return ndArray(tensor.shape, tensor.dataSync());
}

/** Frees the tensors that `f` makes and returns what else it gives: `tf.tidy` for plain values. */
export function tidied<T>(f: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = f();
  });
  return result as T;
}

/** What an op gives for arrays, with no tensor left behind. */
export function run(
  op: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  ...inputs: NdArray[]
): NdArray[] {
  return tidied(() => asList(op(...inputs.map(toTensor))).map(toArray));
}

export function asList<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}
