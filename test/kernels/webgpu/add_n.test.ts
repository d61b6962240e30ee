import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { describeBackends } from '../../support/backends.js';

describeBackends('addN', () => {
  it.each([1, 2, 7, 8, 9, 13, 14, 100])('adds %i tensors', (count) => {
    tf.tidy(() => {
      const terms = Array.from({ length: count }, (_, i) => tf.tensor1d([i, 1, -2 * i]));
      const sum = (count * (count - 1)) / 2;
      expect([...tf.addN(terms).dataSync()].map((value) => value + 0)).toEqual([
        sum,
        count,
        0 - 2 * sum,
      ]);
    });
  });
});
