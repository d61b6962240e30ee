import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { prelu } from '../../src/ops/prelu.js';
import { randomArray, run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectGradients, type Op } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

const op: Op = (x, alpha) => prelu(x!, alpha!);

describeBackends('prelu', () => {
  it.each([[[2, 3, 4, 5]], [[7, 3]], [[1, 1]], [[2, 3, 2]]])(
    'equals its definition for [%s], and so do the gradients',
    (shape) => {
      expectGradients({
        op,
        reference: (x, alpha) => reference.prelu(x!, alpha!),
        inputs: [randomArray(shape, 1), randomArray([shape.at(-1)!], 2)],
      });
    },
  );

  it('takes the negative side at 0, as PyTorch does', () => {
    const x = reference.ndArray([1, 2], [0, -2]);
    const alpha = reference.ndArray([2], [0.25, 0.5]);
    const gradients = run(
      (...xs) => tf.grads((a, b) => tf.sum(op(a!, b!) as tf.Tensor))(xs),
      x,
      alpha,
    );
    expect([...gradients[0]!.data]).toEqual([0.25, 0.5]);
    expect([...gradients[1]!.data]).toEqual([0, -2]);
  });
});
