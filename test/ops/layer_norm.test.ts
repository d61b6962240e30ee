import { it } from 'vitest';
import { layerNorm } from '../../src/ops/layer_norm.js';
import { randomArray, run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import {
  expectClose,
  expectGradients,
  expectSecondOrder,
  type Op,
  type Reference,
} from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

const inputsOf = (shape: number[], shift = 0) => [
  randomArray(shape, 1, { shift }),
  randomArray([shape.at(-1)!], 2, { shift: 1 }),
  randomArray([shape.at(-1)!], 3),
];
const opWith =
  (epsilon: number): Op =>
  (x, gamma, beta) =>
    layerNorm(x!, gamma!, beta!, epsilon);
const referenceWith =
  (epsilon: number): Reference =>
  (x, gamma, beta) =>
    reference.layerNorm(x!, gamma!, beta!, epsilon);

describeBackends('layerNorm', () => {
  it.each([
    [[2, 3, 8], 1e-5],
    [[4, 7], 1e-6],
    [[1, 2, 2, 5], 1e-3],
    [[3, 1], 1e-5],
  ] as [number[], number][])(
    'equals its definition for [%s] and ε %f, and so do the gradients',
    (shape, epsilon) => {
      expectGradients({
        op: opWith(epsilon),
        reference: referenceWith(epsilon),
        inputs: inputsOf(shape),
      });
    },
  );

  it('has the second-order gradients of its definition', () => {
    expectSecondOrder({
      op: opWith(1e-5),
      reference: referenceWith(1e-5),
      inputs: inputsOf([2, 2, 6]),
    });
  });

  it('keeps its precision far from 0', () => {
    const inputs = inputsOf([2, 64], 1000);
    expectClose(run(opWith(1e-5), ...inputs), referenceWith(1e-5)(...inputs), 1e-3);
  });
});
