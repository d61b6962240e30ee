/** Runs one suite on every backend that there is, each test on the backend that its title names. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '../../src/index.js';
import { afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { startBackend, type TestedBackend, testedBackends } from './runtime.js';

export { isInstalled, startBackend } from './runtime.js';

export interface SuiteOptions {
  /** Each test must end with as many tensors as it began with. Default true. */
  checkLeaks?: boolean;
  /** Which backends take part. Default all. */
  only?: readonly TestedBackend[];
}

/** Lets timers and messages in. A thread that computes for a minute without would be given up by vitest. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/**
 * Declares `suite` once for each backend. One that is missing here is skipped, and the title says why.
 */
export function describeBackends(
  name: string,
  suite: (backend: TestedBackend) => void,
  { checkLeaks = true, only }: SuiteOptions = {},
): void {
  for (const [backend, missing] of testedBackends) {
    if (only && !only.includes(backend)) continue;
    if (missing !== undefined) {
      describe.skip(`${name} on ${backend} (${missing})`, () => suite(backend));
      continue;
    }
    describe(`${name} on ${backend}`, () => {
      useBackend(backend);
      afterEach(breathe);
      if (checkLeaks) expectNoLeaks();
      suite(backend);
    });
  }
}

/** Sets the backend before the tests of the enclosing suite, loading it where needed. */
export function useBackend(backend: TestedBackend): void {
  beforeAll(() => startBackend(backend));
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
