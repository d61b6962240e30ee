import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { addScaled } from '../../src/ops/add_scaled.js';
import { sumOfSquares } from '../../src/ops/sum_of_squares.js';
import { randomArray, toArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { longSumError } from '../support/rounding.js';

/** Below, at and above whole vectors, pairs of vectors and blocks of 1024. */
const sizes = [1, 3, 4, 5, 8, 11, 1023, 1024, 1025, 5000];

describeBackends('addScaled', () => {
  it.each(sizes)('of %i elements is x + scale · y, and changes neither', (size) => {
    const [x, y] = [randomArray([size], 1), randomArray([size], 2)];
    tf.tidy(() => {
      const [tx, ty] = [toTensor(x), toTensor(y)];
      const found = toArray(addScaled(tx, ty, -0.3)).data;
      found.forEach((value, i) => {
        expect(value).toBeCloseTo(x.data[i]! - 0.3 * y.data[i]!, 6);
      });
      expect([toArray(tx), toArray(ty)]).toEqual([x, y]);
    });
  });

  it.each(sizes)('of %i elements is keep · x + scale · y, as a running average is', (size) => {
    const [x, y] = [randomArray([size], 1), randomArray([size], 2)];
    tf.tidy(() => {
      const found = toArray(addScaled(toTensor(x), toTensor(y), 0.1, 0.9)).data;
      found.forEach((value, i) => {
        expect(value).toBeCloseTo(0.9 * x.data[i]! + 0.1 * y.data[i]!, 6);
      });
    });
  });

  it('leaves nothing on the tape for a gradient', () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const kept: number[] = [];
    tf.dispose(
      tf.grad((t: tf.Tensor) => {
        const y = tf.square(t);
        const inside = tf.memory().numTensors;
        addScaled(t, y, 0.5).dispose();
        kept.push(tf.memory().numTensors - inside);
        return tf.sum(y);
      })(x),
    );
    expect(kept).toEqual([0]);
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });
});

describeBackends('sumOfSquares', (backend) => {
  it.each(sizes)('of %i elements, of any shape', (size) => {
    const x = randomArray([size], 3, { scale: 2 });
    const expected = x.data.reduce((sum, value) => sum + value * value, 0);
    tf.tidy(() => {
      const flat = sumOfSquares(toTensor(x));
      const column = sumOfSquares(tf.reshape(toTensor(x), [size, 1]));
      expect(flat.shape).toEqual([]);
      for (const found of [flat, column]) {
        expect(Math.abs(found.dataSync()[0]! / expected - 1)).toBeLessThan(1e-5);
      }
    });
  });

  it('of a million equal elements loses nothing to rounding', () => {
    tf.tidy(() => {
      const [found] = sumOfSquares(tf.fill([1_000_000], 0.1)).dataSync();
      expect(Math.abs(found! / 10_000 - 1)).toBeLessThan(longSumError(backend));
    });
  });
});
