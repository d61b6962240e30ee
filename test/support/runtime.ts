/** The backends of Node. For a browser, vitest.browser.config.ts puts browser/runtime.ts in its place. */
import { createRequire } from 'node:module';
import { type BackendName, selectBackend } from '../../src/node/backend.js';
import { computeOnGpu } from './compute_on_gpu.js';
import { startReadingAtOnce } from './webgpu_in_node.js';

export type TestedBackend = BackendName | 'webgl';

const packageOf: Record<BackendName, string> = {
  cpu: '@tensorflow/tfjs-backend-cpu',
  wasm: '@tensorflow/tfjs-backend-wasm',
  tensorflow: '@tensorflow/tfjs-node',
  webgpu: 'webgpu',
};

/** Each backend, and why its tests are skipped where they are. */
export const testedBackends: readonly (readonly [TestedBackend, string | undefined])[] = (
  Object.keys(packageOf) as BackendName[]
).map((backend) => [backend, whyMissing(backend)]);

/** Optional peers need a native install or a GPU: who has them runs these, who has not reads why not. */
function whyMissing(backend: BackendName): string | undefined {
  if (!isInstalled(packageOf[backend])) return `${packageOf[backend]} is not installed`;
  if (backend === 'webgpu' && !process.env.BTN_LAYERS_WEBGPU) {
    return 'BTN_LAYERS_WEBGPU is not set: see docs/backends.md';
  }
  return undefined;
}

/** Loads a backend where needed and makes it the one in use. */
export async function startBackend(backend: TestedBackend): Promise<void> {
  if (backend === 'webgl') throw new Error('Node has no WebGL');
  if (backend !== 'webgpu') return void (await selectBackend({ backend }));
  await startReadingAtOnce(() => selectBackend({ backend, allowSoftwareGpu: true }));
  computeOnGpu();
}

export function isInstalled(packageName: string): boolean {
  try {
    createRequire(import.meta.url).resolve(packageName);
    return true;
  } catch {
    return false;
  }
}
