import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { ShapeError, scaledDotProductAttention } from '../../src/index.js';
import { randomArray, run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import {
  expectClose,
  expectGradients,
  expectSecondOrder,
  type GradientCheck,
} from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

interface Case {
  batch: number;
  tokens: number;
  sources: number;
  width: number;
  numHeads: number;
  scale?: number;
  bias?: boolean;
}

function checkOf({ batch, tokens, sources, width, bias, ...options }: Case): GradientCheck {
  return {
    op: (query, key, value, added) =>
      scaledDotProductAttention(query!, key!, value!, { ...options, bias: added }),
    reference: (query, key, value, added) =>
      reference.scaledDotProductAttention(query!, key!, value!, { ...options, bias: added }),
    inputs: [
      randomArray([batch, tokens, width], 1),
      randomArray([batch, sources, width], 2),
      randomArray([batch, sources, width], 3),
      ...(bias ? [randomArray([options.numHeads, tokens, sources], 4)] : []),
    ],
  };
}

const cases: [string, Case][] = [
  ['one head', { batch: 2, tokens: 3, sources: 3, width: 4, numHeads: 1 }],
  ['heads', { batch: 2, tokens: 4, sources: 4, width: 6, numHeads: 3 }],
  ['other sources', { batch: 2, tokens: 2, sources: 5, width: 4, numHeads: 2 }],
  ['a scale', { batch: 1, tokens: 3, sources: 2, width: 4, numHeads: 2, scale: 1.3 }],
  ['a bias', { batch: 2, tokens: 3, sources: 4, width: 4, numHeads: 2, bias: true }],
  ['as many heads as features', { batch: 2, tokens: 3, sources: 3, width: 3, numHeads: 3 }],
  ['one of everything', { batch: 1, tokens: 1, sources: 1, width: 1, numHeads: 1 }],
];

describeBackends('scaledDotProductAttention', () => {
  it.each(cases)('equals its definition with %s, and so do the gradients', (_, sizes) => {
    expectGradients(checkOf(sizes));
  });

  it.each(cases)('has the second-order gradients of its definition with %s', (_, sizes) => {
    expectSecondOrder(checkOf(sizes));
  });

  it('equals its definition where rows are longer than 48', () => {
    const {
      op,
      reference: definition,
      inputs,
    } = checkOf({
      batch: 2,
      tokens: 60,
      sources: 70,
      width: 120,
      numHeads: 2,
      bias: true,
    });
    expectClose(run(op, ...inputs), definition(...inputs));
  });
});

describe('errors of scaledDotProductAttention', () => {
  const zeros = (...shape: number[]) => tf.zeros(shape);
  it.each([
    [
      'key [batch]',
      () =>
        scaledDotProductAttention(zeros(2, 3, 4), zeros(1, 3, 4), zeros(1, 3, 4), { numHeads: 1 }),
      /key has batch 1, but query has batch 2/,
    ],
    [
      'value [source tokens]',
      () =>
        scaledDotProductAttention(zeros(2, 3, 4), zeros(2, 5, 4), zeros(2, 6, 4), { numHeads: 1 }),
      /value has source tokens 6, but key has source tokens 5/,
    ],
    [
      'query [rank]',
      () => scaledDotProductAttention(zeros(3, 4), zeros(2, 3, 4), zeros(2, 3, 4), { numHeads: 1 }),
      /query must have rank 3 .*rank 2/,
    ],
    [
      'bias',
      () =>
        scaledDotProductAttention(zeros(2, 3, 4), zeros(2, 3, 4), zeros(2, 3, 4), {
          numHeads: 2,
          bias: zeros(2, 9, 3),
        }),
      /bias has tokens 9, but query has tokens 3/,
    ],
  ] as [string, () => tf.Tensor, RegExp][])(
    'name the input and both sizes: %s',
    (_, call, message) => {
      tf.tidy(() => {
        expect(call).toThrow(ShapeError);
        expect(call).toThrow(message);
      });
    },
  );

  it.each([3, 0, 1.5, -2])(
    'name both numbers when %f heads do not divide the width',
    (numHeads) => {
      tf.tidy(() => {
        const x = zeros(1, 2, 4);
        const message = `numHeads ${numHeads} must divide the width 4`;
        expect(() => scaledDotProductAttention(x, x, x, { numHeads })).toThrow(message);
      });
    },
  );

  it('tell a bias for other heads', () => {
    tf.tidy(() => {
      const x = zeros(1, 2, 4);
      const call = () => scaledDotProductAttention(x, x, x, { numHeads: 2, bias: zeros(4, 2, 2) });
      expect(call).toThrow();
    });
  });
});
