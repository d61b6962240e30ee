/** Runs the same computation on the backends cpu and wasm and compares, for the tests of the wasm kernels. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '../../../src/kernels/index.js';
import { expect } from 'vitest';

/** Reproducible standard-normal-like numbers: a sum of four uniform ones from a linear congruential generator. */
export function randomValues(size: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from(
    { length: size },
    () => (uniform() + uniform() + uniform() + uniform()) * 1.7,
  );
}

/** A reproducible tensor on the current backend. */
export function randomTensor(shape: number[], seed: number): tf.Tensor {
  return tf.tensor(randomValues(tf.util.sizeFromShape(shape), seed), shape);
}

/** The result of `compute` on a backend, and a check that it left no tensor behind. */
export async function computeOn(
  backendName: string,
  compute: () => tf.Tensor | tf.Tensor[],
): Promise<{ shape: number[]; data: Float32Array }[]> {
  if (tf.getBackend() !== backendName) await tf.setBackend(backendName);
  const before = tf.memory();
  const results = tf.tidy(() => {
    const result = compute();
    return (Array.isArray(result) ? result : [result]).map((tensor) => ({
      shape: tensor.shape,
      data: Float32Array.from(tensor.dataSync()),
    }));
  });
  const after = tf.memory();
  expect(after.numTensors, `tensors left on ${backendName}`).toBe(before.numTensors);
  expect(after.numDataBuffers, `buffers left on ${backendName}`).toBe(before.numDataBuffers);
  return results;
}

/** Greatest difference relative to the greatest magnitude of the expected values. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let magnitude = 1e-30;
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs((actual[i] as number) - (expected[i] as number));
    if (Number.isNaN(d)) return Number.NaN;
    difference = Math.max(difference, d);
    magnitude = Math.max(magnitude, Math.abs(expected[i] as number));
  }
  return difference / magnitude;
}

/** Asserts that `compute` gives on wasm what it gives on cpu, to a relative error of `tolerance`. */
export async function expectSameOnWasm(
  compute: () => tf.Tensor | tf.Tensor[],
  tolerance = 2e-5,
): Promise<void> {
  const onCpu = await computeOn('cpu', compute);
  const onWasm = await computeOn('wasm', compute);
  expect(onWasm.map(({ shape }) => shape)).toEqual(onCpu.map(({ shape }) => shape));
  onCpu.forEach(({ data }, i) => {
    expect(relativeError((onWasm[i] as { data: Float32Array }).data, data)).toBeLessThan(tolerance);
  });
}

/** Bytes of the heap of the wasm backend, which must be the current one. */
export function heapBytes(): number {
  return (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
}

/** Asserts that calling `compute` again and again on wasm leaves no tensor and needs no more memory. */
export async function expectNoGrowth(compute: () => tf.Tensor | tf.Tensor[]): Promise<void> {
  if (tf.getBackend() !== 'wasm') await tf.setBackend('wasm');
  for (let i = 0; i < 3; i++) tf.dispose(compute());
  const [bytes, tensors] = [heapBytes(), tf.memory().numTensors];
  for (let i = 0; i < 200; i++) tf.dispose(compute());
  expect(heapBytes(), 'bytes of the heap').toBe(bytes);
  expect(tf.memory().numTensors, 'tensors left').toBe(tensors);
}
