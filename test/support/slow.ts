import type { TestedBackend } from './runtime.js';

/**
 * Whether a step of a whole network takes ten seconds or more: on cpu, and on webgl and webgpu where a program stands in
 * for the GPU, as it does where these tests run. Blocks, layers and ops are tested there all the same.
 */
export function isSlow(backend: TestedBackend): boolean {
  return ['cpu', 'webgl', 'webgpu'].includes(backend);
}
