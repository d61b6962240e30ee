/** Runs one suite on every backend that Node has, each test on the backend that its title names. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '../../src/index.js';
import { afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { type BackendName, selectBackend } from '../../src/node/backend.js';

const packageOf: Record<BackendName, string> = {
  cpu: '@tensorflow/tfjs-backend-cpu',
  wasm: '@tensorflow/tfjs-backend-wasm',
  tensorflow: '@tensorflow/tfjs-node',
};

export interface SuiteOptions {
  /** Each test must end with as many tensors as it began with. Default true. */
  checkLeaks?: boolean;
}

/**
 * Declares `suite` once for each backend. A backend whose package is not installed is skipped, and
 * the title says so.
 */
export function describeBackends(
  name: string,
  suite: (backend: BackendName) => void,
  { checkLeaks = true }: SuiteOptions = {},
): void {
  for (const [backend, packageName] of Object.entries(packageOf) as [BackendName, string][]) {
    if (!isInstalled(packageName)) {
      // Optional peers need a native install: who has one runs these, who has not reads why not.
      describe.skip(`${name} on ${backend} (${packageName} is not installed)`, () =>
        suite(backend));
      continue;
    }
    describe(`${name} on ${backend}`, () => {
      useBackend(backend);
      if (checkLeaks) expectNoLeaks();
      suite(backend);
    });
  }
}

/** Sets the backend before the tests of the enclosing suite, loading it where needed. */
export function useBackend(backend: BackendName): void {
  beforeAll(async () => {
    await selectBackend({ backend });
  });
}

/** Fails each test of the enclosing suite that ends with more or fewer tensors than it began with. */
export function expectNoLeaks(): void {
  let before = 0;
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors, 'tensors after the test').toBe(before);
  });
}

function isInstalled(packageName: string): boolean {
  try {
    createRequire(import.meta.url).resolve(packageName);
    return true;
  } catch {
    return false;
  }
}
