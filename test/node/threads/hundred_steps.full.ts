import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { btn, btnConfig } from '../../../src/models/index.js';
import { selectBackend } from '../../../src/node/backend.js';
import { inThreads } from '../../../src/node/threads/parallel_model.js';
import { Adam, Sam, trainStep } from '../../../src/training/index.js';
import { heapBytes } from '../../kernels/wasm/both_backends.js';

const steps = 100;

// V8 lets a thread's garbage grow by 100 MB before it looks at what is old: every collection shall be a whole one.
setFlagsFromString('--gc-global');

/** Weights after training the tiny BTN in micro-batches of 3 on two threads, and what it took. */
async function train() {
  const model = btn(btnConfig('tiny', { numClasses: 7, seed: 1 }));
  const optimizer = new Sam(new Adam());
  const images = tf.randomNormal([8, 112, 112, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
  const labels = tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 0], 'int32');
  const { gradients, close } = await inThreads(model, 2);
  const heaps = new Set<number>();
  const tensors = new Set<number>();
  const resident: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const options = { learningRate: 1e-4, seed: step, microBatch: 3, gradients };
    await trainStep(model, optimizer, { images, labels }, options);
    if (step > 3) heaps.add(heapBytes());
    if (step > 3) tensors.add(tf.memory().numTensors);
    resident.push(process.memoryUsage.rss());
  }
  const hash = createHash('sha256');
  for (const weight of model.weights) hash.update(weight.read().dataSync() as Float32Array);
  await close();
  tf.dispose([images, labels]);
  optimizer.dispose();
  model.dispose();
  return { weights: hash.digest('hex'), heaps, tensors, resident };
}

it(`${steps} steps in threads give the same weights when repeated, in memory that does not grow`, async () => {
  await selectBackend({ backend: 'wasm' });
  const [first, second] = [await train(), await train()];
  expect(second.weights).toBe(first.weights);
  for (const { heaps, tensors, resident } of [first, second]) {
    expect(heaps.size).toBe(1);
    expect(tensors.size).toBe(1);
    // Both threads are in it: a leak of 0.2 MB a step would show.
    expect(resident[99]! - resident[24]!).toBeLessThan(15e6);
  }
});
