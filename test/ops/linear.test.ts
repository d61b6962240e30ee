import { it } from 'vitest';
import { affine } from '../../src/ops/affine.js';
import { linear } from '../../src/ops/linear.js';
import { randomArray } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectGradients } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

describeBackends('linear', () => {
  it.each([
    [[2, 3, 4], 5, true],
    [[3, 2], 1, true],
    [[2, 2, 2, 3], 2, false],
    [[2, 1], 3, false],
  ] as [number[], number, boolean][])(
    'maps [%s] to %i outputs (bias: %s), and so do the gradients',
    (shape, outputs, bias) => {
      expectGradients({
        op: (x, kernel, shift) => linear(x!, kernel!, shift),
        reference: (x, kernel, shift) => reference.linear(x!, kernel!, shift),
        inputs: [
          randomArray(shape, 1),
          randomArray([shape.at(-1)!, outputs], 2),
          ...(bias ? [randomArray([outputs], 3)] : []),
        ],
      });
    },
  );
});

describeBackends('affine', () => {
  it.each([[[2, 3, 4]], [[3, 1]], [[5]]])(
    'scales and shifts the channels of [%s], and so do the gradients',
    (shape) => {
      expectGradients({
        op: (x, scale, shift) => affine(x!, scale!, shift!),
        reference: (x, scale, shift) => reference.add(reference.layerScale(x!, scale!), shift!),
        inputs: [shape, [shape.at(-1)!], [shape.at(-1)!]].map((s, i) => randomArray(s, i + 1)),
      });
    },
  );
});
