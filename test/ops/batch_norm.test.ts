import { it } from 'vitest';
import { batchNorm, batchNormWith } from '../../src/ops/batch_norm.js';
import { randomArray, run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import {
  expectClose,
  expectGradients,
  expectSecondOrder,
  type Op,
} from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

const epsilon = 1e-5;

const withStatistics: Op = (x, gamma, beta) => {
  const { output, mean, variance } = batchNorm(x!, gamma!, beta!, epsilon);
  return [output, mean, variance];
};

const inputsOf = (shape: number[]) => {
  const channels = [shape.at(-1)!];
  return [
    randomArray(shape, 1, { scale: 2, shift: 0.5 }),
    randomArray(channels, 2, { shift: 1 }),
    randomArray(channels, 3),
  ];
};

describeBackends('batchNorm', () => {
  it.each([[[3, 4, 5, 2]], [[6, 3]], [[2, 1]], [[2, 3, 4]]])(
    'equals its definition for [%s], statistics too, and so do the gradients',
    (shape) => {
      expectGradients({
        op: withStatistics,
        reference: (x, gamma, beta) => reference.batchNorm(x!, gamma!, beta!, epsilon),
        inputs: inputsOf(shape),
        // Where two values are all there is, dx is a difference of nearly equal terms.
        tolerance: shape[0] === 2 && shape.length === 2 ? 1e-3 : 1e-4,
      });
    },
  );

  it('has the second-order gradients of its definition', () => {
    expectSecondOrder({
      op: withStatistics,
      reference: (x, gamma, beta) => reference.batchNorm(x!, gamma!, beta!, epsilon),
      inputs: inputsOf([2, 3, 2, 2]),
    });
  });

  it('keeps its precision far from 0', () => {
    // E[x²] − E[x]² would lose everything here.
    const x = randomArray([64, 3], 1, { shift: 1000 });
    const [, gamma, beta] = inputsOf([64, 3]);
    const expected = reference.batchNorm(x, gamma!, beta!, epsilon);
    expectClose(run(withStatistics, x, gamma!, beta!), expected, 1e-3);
  });

  it('gives the shift for a constant channel', () => {
    const x = reference.ndArray([4, 2], () => 7);
    const [, gamma, beta] = inputsOf([4, 2]);
    const expected = reference.batchNorm(x, gamma!, beta!, epsilon);
    // One unit in the last place of 7 is divided by √ε, 3e-3.
    expectClose(run(withStatistics, x, gamma!, beta!), expected, 1e-3);
  });
});

describeBackends('batchNormWith', () => {
  it('equals its definition, and so do the gradients', () => {
    expectGradients({
      op: (x, gamma, beta, mean, variance) =>
        batchNormWith(x!, gamma!, beta!, mean!, variance!, epsilon),
      reference: (x, gamma, beta, mean, variance) =>
        reference.batchNormWith(x!, gamma!, beta!, mean!, variance!, epsilon),
      inputs: [
        ...inputsOf([2, 3, 2, 4]),
        randomArray([4], 4),
        reference.map(randomArray([4], 5), (v) => Math.fround(v * v + 0.5)),
      ],
    });
  });
});
