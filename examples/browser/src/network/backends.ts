import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import * as tf from '@tensorflow/tfjs-core';
import type { Backend } from '../protocol.js';

setWasmPaths({
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

/** Fetched when they are asked for: most visits need neither. */
const load: Record<Backend, () => Promise<unknown>> = {
  wasm: async () => undefined,
  webgl: () => import('@tensorflow/tfjs-backend-webgl'),
  webgpu: () => import('@tensorflow/tfjs-backend-webgpu'),
};

/** @throws Error when the browser does not have the backend; the one in use stays. */
export async function startBackend(backend: Backend): Promise<void> {
  const before = tf.engine().backendName;
  await load[backend]();
  if (await tf.setBackend(backend).catch(() => false)) return;
  if (before) await tf.setBackend(before);
  throw new Error(`${backend} does not work in this browser`);
}

/** Which backends this browser has, as far as can be told without starting them. */
export async function availableBackends(): Promise<Backend[]> {
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  const context = new OffscreenCanvas(1, 1).getContext('webgl2');
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return ['wasm', ...(context ? ['webgl' as const] : []), ...(adapter ? ['webgpu' as const] : [])];
}
