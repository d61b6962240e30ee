/** Where a backend computes with less than the others, and why. */
import { hasRelaxedSimd } from '../../src/kernels/wasm/compiled.js';
import type { TestedBackend } from './runtime.js';

/** Largest relative error of a sum of a million. webgpu adds 256 partial sums of 4000, each one term after the other. */
export function longSumError(backend: TestedBackend): number {
  return backend === 'webgpu' ? 3e-5 : 1e-5;
}

/**
 * How far the gradient of a weight moves when the same batch is computed in parts, where it nearly vanishes. libtensorflow,
 * and wasm where it multiplies and adds in one instruction, round differently for each size of batch: by 1e-4 of a thousandth
 * of the whole gradient, which is float32's own rounding of that. Of libtensorflow, 3e-5 and 5.3e-5 were seen on two processors.
 */
export function batchRounding(backend: TestedBackend): number {
  if (backend === 'tensorflow') return 1e-4;
  return backend === 'wasm' && hasRelaxedSimd ? 2e-4 : 1e-5;
}
