/** Where a backend computes with less than the others, and why. */
import type { TestedBackend } from './runtime.js';

/** Largest relative error of a sum of a million. webgpu adds 256 partial sums of 4000, each one term after the other. */
export function longSumError(backend: TestedBackend): number {
  return backend === 'webgpu' ? 3e-5 : 1e-5;
}
