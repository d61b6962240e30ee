import type * as tf from '@tensorflow/tfjs-core';
import { it } from 'vitest';
import { subsample } from '../../src/ops/subsample.js';
import { randomArray } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectGradients } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

describeBackends('subsample', () => {
  it.each([
    [[2, 4, 6, 3], 2],
    [[1, 5, 7, 2], 2],
    [[2, 7, 5, 1], 3],
    [[1, 3, 3, 2], 1],
    [[1, 2, 2, 1], 5],
  ] as [number[], number][])(
    'keeps of [%s] every pixel at a multiple of %i, and passes gradients to those',
    (shape, stride) => {
      expectGradients({
        op: (x) => subsample(x as tf.Tensor4D, stride),
        reference: (x) => reference.subsample(x!, stride),
        inputs: [randomArray(shape, 1)],
      });
    },
  );
});
