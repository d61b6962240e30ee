import { setImmediate } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { btn, btnConfig } from '../../../src/models/index.js';
import { Adam, Sam, trainStep } from '../../../src/training/index.js';
import { isInstalled, useBackend } from '../../support/backends.js';

const steps = 200;
const warmUp = 50;

describe.skipIf(!isInstalled('@tensorflow/tfjs-node'))(
  'training on tensorflow (needs @tensorflow/tfjs-node)',
  () => {
    useBackend('tensorflow');

    it(`leaves memory and tensors as they were after ${steps} steps`, async () => {
      const model = btn(btnConfig('tiny', { numClasses: 7, seed: 1 }));
      const optimizer = new Sam(new Adam());
      const images = tf.randomNormal([8, 112, 112, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
      const labels = tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 0], 'int32');
      const tensors = new Set<number>();
      let resident = 0;
      for (let step = 1; step <= steps; step++) {
        await trainStep(model, optimizer, { images, labels }, { learningRate: 1e-4, seed: step });
        // tfjs-node never waits for anything: the test runner would wait for us in vain.
        await setImmediate();
        if (step === warmUp) resident = process.memoryUsage().rss;
        if (step >= warmUp) tensors.add(tf.memory().numTensors);
      }
      expect(tensors.size).toBe(1);
      // Of one map of the first stage, [8, 56, 56, 8], in each step it would be 115 MiB.
      expect(process.memoryUsage().rss - resident).toBeLessThan(64 * 2 ** 20);
      tf.dispose([images, labels]);
      optimizer.dispose();
      model.dispose();
    });
  },
);
