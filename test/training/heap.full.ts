import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { btn, btnConfig } from '../../src/models/index.js';
import { selectBackend } from '../../src/node/backend.js';
import { Adam, Sam, trainStep } from '../../src/training/index.js';
import { heapBytes } from '../kernels/wasm/both_backends.js';

const steps = 200;

/** Starts the backend anew, with a heap that holds nothing of a test before. */
async function startBackend(): Promise<void> {
  const factory = tf.findBackendFactory('wasm');
  if (factory) {
    tf.removeBackend('wasm');
    tf.registerBackend('wasm', factory);
  }
  await selectBackend({ backend: 'wasm' });
}

it.each(['Adam', 'SAM'])(
  `${steps} steps of the tiny BTN with %s leave heap and tensors as they were`,
  async (name) => {
    await startBackend();
    const model = btn(btnConfig('tiny', { numClasses: 7, seed: 1 }));
    const optimizer = name === 'SAM' ? new Sam(new Adam()) : new Adam();
    const images = tf.randomNormal([8, 112, 112, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
    const labels = tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 0], 'int32');
    const heaps = new Set<number>();
    const tensors = new Set<number>();
    for (let step = 1; step <= steps; step++) {
      await trainStep(model, optimizer, { images, labels }, { learningRate: 1e-4, seed: step });
      // The first steps make the moments and find the heap's size.
      if (step > 3) heaps.add(heapBytes());
      if (step > 3) tensors.add(tf.memory().numTensors);
    }
    expect(tensors.size).toBe(1);
    expect(heaps.size).toBe(1);
    tf.dispose([images, labels]);
    optimizer.dispose();
    model.dispose();
  },
);
