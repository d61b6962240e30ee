import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { gelu } from '../../src/ops/gelu.js';
import { randomArray, run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectClose, expectGradients, expectSecondOrder } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

const check = {
  op: (x?: tf.Tensor) => gelu(x!),
  reference: (x?: reference.NdArray) => reference.gelu(x!),
};

describeBackends('gelu', () => {
  it('equals its definition, and so do the gradients', () => {
    expectGradients({ ...check, inputs: [randomArray([2, 3, 5], 1, { scale: 2 })] });
    expectSecondOrder({ ...check, inputs: [randomArray([2, 3, 5], 1, { scale: 2 })] });
  });

  it('is the exact one: the tanh approximation is 5e-4 away at 2.5', () => {
    const x = reference.ndArray([41], (i) => i / 4 - 5);
    // The error function of the backends is a polynomial, good to 1.5e-7.
    expectClose(run(check.op, x), reference.gelu(x), 1e-6);
  });

  it('is 0 far on the left and the identity far on the right', () => {
    const x = reference.ndArray([4], [-1e4, -20, 20, 1e4]);
    const gradient = run((at) => tf.grad(gelu)(at!), x);
    expect([...run(check.op, x)[0]!.data]).toEqual([-0, -0, 20, 1e4]);
    expect([...gradient[0]!.data].map(Math.abs)).toEqual([0, 0, 1, 1]);
  });
});
