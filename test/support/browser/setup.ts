/** Around every file of tests, which has a page of its own. */
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll } from 'vitest';

// Where the page's server has the binaries.
setWasmPaths('/node_modules/@tensorflow/tfjs-backend-wasm/dist/');

/** What we use of the backends that hold a GPU. */
interface GpuBackends {
  webgl?: { gpgpu: { gl: WebGL2RenderingContext } };
  webgpu?: { device: { destroy(): void } };
}

// A page's GPU is not freed when the page goes, and a browser has only so many.
afterAll(() => {
  const { webgl, webgpu } = (tf.engine() as unknown as { registry: GpuBackends }).registry;
  webgl?.gpgpu.gl.getExtension('WEBGL_lose_context')?.loseContext();
  webgpu?.device.destroy();
});
