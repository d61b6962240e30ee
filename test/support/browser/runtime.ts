/** The backend of this browser: see chromium.ts. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgl';
import '@tensorflow/tfjs-backend-webgpu';
import { inject } from 'vitest';
import { computeOnGpu } from '../compute_on_gpu.js';
import type { TestedBrowser } from './chromium.js';

declare module 'vitest' {
  interface ProvidedContext {
    browser: TestedBrowser;
  }
}

export type TestedBackend = 'cpu' | 'wasm' | 'webgl' | 'webgpu';

const backendOf: Record<TestedBrowser, TestedBackend> = {
  wasm: 'wasm',
  'wasm-threads': 'wasm',
  webgl: 'webgl',
  webgpu: 'webgpu',
};

export const testedBackends: readonly (readonly [TestedBackend, undefined])[] = [
  [backendOf[inject('browser')], undefined],
];

export async function startBackend(backend: TestedBackend): Promise<void> {
  if (!(await tf.setBackend(backend))) throw new Error(`the ${backend} backend did not start`);
  if (backend === 'webgl' || backend === 'webgpu') computeOnGpu();
}

export function isInstalled(): boolean {
  return false;
}
