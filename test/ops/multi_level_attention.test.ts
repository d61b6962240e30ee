import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { multiLevelAttention, ShapeError } from '../../src/index.js';
import { randomArray, run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectGradients, type GradientCheck } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

interface Case {
  levels: number[];
  numHeads: number;
  value?: boolean;
  output?: boolean;
  position?: boolean;
}

const [batch, width] = [2, 4];

/** Reads levels, then the projections that are there, then the positions, from one list. */
function unpack<T>({ levels, value, output, position }: Case, list: T[]) {
  const rest = list.slice(levels.length);
  const next = () => ({ kernel: rest.shift()!, bias: rest.shift()! });
  return {
    levels: list.slice(0, levels.length),
    weights: {
      query: next(),
      key: next(),
      ...(value && { value: next() }),
      ...(output && { output: next() }),
      ...(position && { positionEmbedding: rest.shift()! }),
    },
  };
}

function checkOf(given: Case): GradientCheck {
  const { levels, numHeads } = given;
  const projections = 2 + (given.value ? 1 : 0) + (given.output ? 1 : 0);
  const shapes = [
    ...levels.map((tokens) => [batch, tokens, width]),
    ...Array.from({ length: projections }, () => [[width, width], [width]]).flat(),
    ...(given.position ? [[1, levels.reduce((a, b) => a + b), width]] : []),
  ];
  return {
    op: (...list) => {
      const parts = unpack(given, list);
      return multiLevelAttention(parts.levels, parts.weights, { numHeads });
    },
    reference: (...list) => {
      const parts = unpack(given, list);
      return reference.multiLevelAttention(parts.levels, parts.weights, numHeads);
    },
    inputs: shapes.map((shape, i) => randomArray(shape, i + 11, { scale: 0.6 })),
  };
}

const cases: [string, Case][] = [
  ['as in the network', { levels: [2, 3, 1], numHeads: 2, position: true }],
  ['without positions', { levels: [2, 2], numHeads: 1 }],
  ['with values projected', { levels: [1, 3], numHeads: 2, value: true, position: true }],
  ['with the output projected', { levels: [2, 2], numHeads: 4, output: true }],
  ['with everything', { levels: [1, 2], numHeads: 2, value: true, output: true, position: true }],
  ['with one level', { levels: [4], numHeads: 2, position: true }],
];

describeBackends('multiLevelAttention', () => {
  it.each(cases)('%s equals its definition, and so do the gradients', (_, given) => {
    expectGradients(checkOf(given));
  });

  it('drops out what is added, not the tokens', () => {
    const { inputs } = checkOf({ levels: [3, 2], numHeads: 2 });
    const dropped = (rate: number, seed: number) =>
      run(
        (...list) => {
          const parts = unpack({ levels: [3, 2], numHeads: 2 }, list);
          return multiLevelAttention(parts.levels, parts.weights, {
            numHeads: 2,
            dropout: rate,
            seed,
          });
        },
        ...inputs,
      );
    const whole = dropped(0, 1);
    const half = dropped(0.5, 1);
    expect(dropped(0.5, 1)).toEqual(half);
    expect(dropped(0.5, 2)).not.toEqual(half);
    let lost = 0;
    half.forEach(({ data }, level) => {
      data.forEach((y, i) => {
        const x = inputs[level]!.data[i]!;
        const added = whole[level]!.data[i]! - x;
        if (y === x) lost++;
        else expect(y).toBeCloseTo(x + 2 * added, 5);
      });
    });
    // 40 values at a rate of a half: ten to thirty lost, but for one case in a thousand.
    expect(lost).toBeGreaterThan(9);
    expect(lost).toBeLessThan(31);
  });
});

describe('errors of multiLevelAttention', () => {
  const zeros = (...shape: number[]) => tf.zeros(shape);
  const call = (...levels: tf.Tensor[]) => {
    const projection = { kernel: zeros(4, 4), bias: zeros(4) };
    return multiLevelAttention(levels, { query: projection, key: projection }, { numHeads: 2 });
  };
  it.each([
    [
      'batch',
      [
        [2, 3, 4],
        [5, 3, 4],
      ],
      'level 1 has batch 5, but level 0 has batch 2',
    ],
    [
      'width',
      [
        [2, 3, 4],
        [2, 1, 6],
      ],
      'level 1 has width 6, but level 0 has width 4',
    ],
    [
      'rank',
      [
        [2, 3, 4],
        [2, 4],
      ],
      'level 1 must have rank 3 [batch, tokens, width], but has rank 2',
    ],
    ['none', [], 'needs at least one level'],
  ] as [string, number[][], string][])(
    'name the level and both sizes: %s',
    (_, shapes, message) => {
      tf.tidy(() => {
        const levels = shapes.map((shape) => zeros(...shape));
        expect(() => call(...levels)).toThrow(ShapeError);
        expect(() => call(...levels)).toThrow(message);
      });
    },
  );
});
