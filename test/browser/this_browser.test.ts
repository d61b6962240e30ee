/** Each browser is what its name says: a backend that quietly is another one would pass every test. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, inject, it } from 'vitest';
import { decodeBinary } from '../../src/kernels/decode_binary.js';
import { binaries } from '../../src/kernels/wasm/binaries.js';
import { type CompiledKernels, compiledKernels } from '../../src/kernels/wasm/compiled.js';
import { floatsAt, type WasmBackend, withScratch } from '../../src/kernels/wasm/heap.js';
import { withSharedMemory } from '../../src/kernels/wasm/shared_memory.js';
import { describeBackends, startBackend } from '../support/backends.js';

const browser = inject('browser');

describeBackends('this browser', (backend) => {
  it('computes on the backend that it is for', () => {
    expect(browser.startsWith(backend)).toBe(true);
    expect(tf.getBackend()).toBe(backend);
  });
});

describe.runIf(browser.startsWith('wasm'))('wasm', () => {
  it('has threads where the page is isolated, and only there', async () => {
    await startBackend('wasm');
    const backend = tf.backend() as unknown as WasmBackend;
    expect(globalThis.crossOriginIsolated).toBe(browser === 'wasm-threads');
    expect(backend.wasm.HEAPU8.buffer instanceof ArrayBuffer).toBe(browser === 'wasm');
    expect(compiledKernels(backend).geluScratch()).toBeGreaterThan(0);
  });
});

/** The engine runs only one of the two: the other must compute the same. */
describe.runIf(browser.startsWith('wasm'))('with and without relaxed SIMD', () => {
  it('a kernel gives the same in this heap', async () => {
    await startBackend('wasm');
    const backend = tf.backend() as unknown as WasmBackend;
    const memory = backend.wasm.wasmMemory ?? backend.wasm.asm!.memory;
    const both = [binaries.simd, binaries.relaxedSimd].map(decodeBinary);
    const values = Array.from({ length: 101 }, (_, i) => (i - 50) / 10);
    const results = both.map((binary) => {
      const shared = browser === 'wasm-threads';
      const module = new WebAssembly.Module(shared ? withSharedMemory(binary) : binary);
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      const kernels = exports as unknown as CompiledKernels;
      let result: number[] = [];
      withScratch(backend, [101, 101, kernels.geluScratch() / 4], (x, y, scratch) => {
        floatsAt(backend, x!, 101).set(values);
        kernels.gelu(x!, y!, 101, scratch!);
        result = [...floatsAt(backend, y!, 101)];
      });
      return result;
    });
    const [plain, relaxed] = results as [number[], number[]];
    expect(plain[100]).toBeCloseTo(5, 5);
    plain.forEach((value, i) => {
      expect(relaxed[i]).toBeCloseTo(value, 6);
    });
  });
});
