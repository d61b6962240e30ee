import { it } from 'vitest';
import { relativePositionBias } from '../../src/ops/relative_position_bias.js';
import { randomArray } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectGradients } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

describeBackends('relativePositionBias', () => {
  it.each([
    [1, 1],
    [2, 3],
    [3, 2],
    [4, 1],
  ])('looks pairs of a map of side %i up for %i heads, and so do the gradients', (side, heads) => {
    expectGradients({
      op: (table) => relativePositionBias(table!, side),
      reference: (table) => reference.relativePositionBias(table!, side),
      inputs: [randomArray([(2 * side - 1) ** 2, heads], 1)],
    });
  });
});
