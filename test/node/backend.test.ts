import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BackendName, selectBackend } from '../../src/node/backend.js';
import { isInstalled } from '../support/backends.js';
import { messageOf } from './temporary_folder.js';

/** The test runner resolves modules by itself, and words the reason in its own way. */
function howToInstall(name: string, instead: string): RegExp {
  const command = `npm install ${name}@${tf.version_core}`;
  return new RegExp(`^UserError: ${name} .*installed.*: run \`${command}\`, or ${instead}$`);
}

const gpu = '@tensorflow/tfjs-node-gpu';
const node = '@tensorflow/tfjs-node';

describe('selectBackend', () => {
  it('takes wasm, and cpu only by name', async () => {
    expect(await selectBackend()).toMatch(/^wasm \((no )?SIMD\)$/);
    expect(tf.getBackend()).toBe('wasm');
    expect(await selectBackend({ backend: 'cpu' })).toBe('cpu (@tensorflow/tfjs-backend-cpu)');
    expect(tf.getBackend()).toBe('cpu');
    await selectBackend({ backend: 'wasm' });
  });

  it('refuses a backend that it does not know, and a GPU that is none', async () => {
    for (const backend of ['webgl', 'constructor', ''] as unknown as BackendName[]) {
      expect(await messageOf(selectBackend({ backend }))).toBe(
        `UserError: unknown backend '${backend}': use one of wasm, tensorflow, webgpu, cpu`,
      );
    }
    expect(await messageOf(selectBackend({ backend: 'wasm', gpu: '0' }))).toBe(
      'UserError: --gpu 0 needs the tensorflow backend, but --backend says wasm',
    );
    for (const number of ['', 'all', '-1', '0,']) {
      expect(await messageOf(selectBackend({ gpu: number }))).toContain('expected the number of a');
    }
  });

  it.skipIf(isInstalled(gpu))(`says how to install ${gpu}, and takes nothing else`, async () => {
    expect(await messageOf(selectBackend({ gpu: '0' }))).toMatch(
      howToInstall(gpu, 'leave out --gpu to run on wasm'),
    );
    expect(tf.getBackend()).toBe('wasm');
  });

  it.skipIf(isInstalled(node))(`says how to install ${node}`, async () => {
    expect(await messageOf(selectBackend({ backend: 'tensorflow' }))).toMatch(
      howToInstall(node, 'leave out --backend to run on wasm'),
    );
    expect(tf.getBackend()).toBe('wasm');
  });

  describe('on webgpu', () => {
    afterEach(() => vi.unstubAllGlobals());

    /** A machine whose WebGPU has this adapter. */
    const withAdapter = (adapter: object | null) =>
      vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter } });

    it('says so where there is no GPU', async () => {
      withAdapter(null);
      expect(await messageOf(selectBackend({ backend: 'webgpu' }))).toMatch(
        /^UserError: no GPU was found that WebGPU can use: install .* leave out --backend to run on wasm$/,
      );
    });

    it('takes a GPU that is a program only where asked to', async () => {
      withAdapter({ info: { description: 'SwiftShader', isFallbackAdapter: true } });
      expect(await messageOf(selectBackend({ backend: 'webgpu' }))).toMatch(
        /^UserError: the only GPU is software \(SwiftShader\).*give --allow-software-gpu/,
      );
      expect(await messageOf(selectBackend({ backend: 'wasm', allowSoftwareGpu: true }))).toBe(
        'UserError: --allow-software-gpu is for the webgpu backend, not for wasm',
      );
    });
  });
});
