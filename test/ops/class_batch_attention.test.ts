import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClassBatchAttentionOptions,
  classBatchAttention,
  classBatchAttentionWeights,
  ShapeError,
} from '../../src/index.js';
import { seededRandom } from '../../src/training/random.js';
import { randomArray, run, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import {
  expectClose,
  expectGradients,
  expectSecondOrder,
  type Op,
  type Reference,
} from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';
import { type NdArray, ndArray } from '../support/reference/index.js';

type Options = Omit<ClassBatchAttentionOptions, 'mask'> & { mask?: NdArray };

/** Query, key and value of random numbers. */
function randomInputs(batch: number, classes: number, features: number, seed = 1): NdArray[] {
  const map = [batch, classes, features];
  return [
    randomArray(map, seed),
    randomArray(map, seed + 1),
    randomArray([batch, classes], seed + 2),
  ];
}

const attend =
  ({ scale, mask }: Options = {}): Op =>
  (query, key, value) =>
    classBatchAttention(query!, key!, value!, { scale, mask: mask && toTensor(mask) });

const attendReference =
  (options: Options = {}): Reference =>
  (query, key, value) =>
    reference.classBatchAttention(query!, key!, value!, options);

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 9 }),
  classes: fc.integer({ min: 1, max: 8 }),
  features: fc.constantFrom(1, 2, 5, 7, 16, 49),
  seed: fc.integer({ min: 1, max: 1000 }),
});

/** A random mask that keeps the first sample and drops the second. */
const maskOf = (batch: number, seed: number) => {
  const bits = randomArray([batch], seed).data.map((v) => (v > 0 ? 1 : 0));
  bits[0] = 1;
  bits[1] = 0;
  return ndArray([batch], bits);
};

/** The samples of `x` that the mask keeps. */
function kept(x: NdArray, mask: NdArray): NdArray {
  const perSample = x.data.length / x.shape[0]!;
  const values = [...x.data].filter((_, i) => mask.data[Math.floor(i / perSample)] === 1);
  return ndArray([values.length / perSample, ...x.shape.slice(1)], values);
}

function filled(x: NdArray, mask: NdArray, content: number): NdArray {
  const perSample = x.data.length / x.shape[0]!;
  return reference.map(x, (v, i) => (mask.data[Math.floor(i / perSample)] === 1 ? v : content));
}

function gradientsOf(op: Op, inputs: NdArray[]): NdArray[] {
  return run((...xs) => tf.grads((...at) => tf.sum(op(...at) as tf.Tensor))(xs), ...inputs);
}

const mask5 = ndArray([5], [1, 0, 1, 1, 0]);

describeBackends('classBatchAttention', () => {
  it('equals its definition for any sizes', () => {
    fc.assert(
      fc.property(sizes, ({ batch, classes, features, seed }) => {
        const inputs = randomInputs(batch, classes, features, seed);
        expectClose(run(attend(), ...inputs), attendReference()(...inputs), 2e-5);
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  const options: [string, Options][] = [
    ['', {}],
    [' with a scale', { scale: 0.7 }],
    [' with a mask', { mask: mask5 }],
    [' with both', { scale: -0.3, mask: mask5 }],
  ];
  it.each(options)('has the gradients of its definition%s', (_, given) => {
    const inputs = randomInputs(5, 3, 7);
    expectGradients({ op: attend(given), reference: attendReference(given), inputs });
  });

  it.each(options)('has the second-order gradients of its definition%s', (_, given) => {
    const inputs = randomInputs(5, 3, 5);
    expectSecondOrder({ op: attend(given), reference: attendReference(given), inputs });
  });

  it('gives the attention, whose rows sum to 1, and 0 for what is masked', () => {
    for (const given of [{}, { scale: 0.2 }, { mask: mask5 }] as Options[]) {
      const [query, key] = randomInputs(5, 3, 7) as [NdArray, NdArray];
      const weights: Op = (q, k) =>
        classBatchAttentionWeights(q!, k!, { ...given, mask: given.mask && toTensor(given.mask) });
      const [attention] = run(weights, query, key);
      expectClose([attention!], reference.classBatchAttentionWeights(query, key, given));
      for (let row = 0; row < 15; row++) {
        const sum = attention!.data.subarray(row * 5, (row + 1) * 5).reduce((a, b) => a + b, 0);
        expect(sum).toBeCloseTo(given.mask?.data[row % 5] === 0 ? 0 : 1, 6);
      }
    }
  });

  it('permutes its output with the batch', () => {
    fc.assert(
      fc.property(sizes, ({ batch, classes, features, seed }) => {
        const inputs = randomInputs(batch, classes, features, seed);
        const random = seededRandom(seed).uniform;
        const keys = Array.from({ length: batch }, random);
        const order = keys.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
        const permute = (x: NdArray) => {
          const perSample = x.data.length / batch;
          return reference.map(x, (_, i) => {
            const from = order[Math.floor(i / perSample)]!;
            return x.data[from * perSample + (i % perSample)]!;
          });
        };
        const [output] = run(attend(), ...inputs);
        // Softmax sums in another order: equal to rounding, not to the bit.
        expectClose(run(attend(), ...inputs.map(permute)), permute(output!), 2e-6);
      }),
      { seed: 2, numRuns: 20 },
    );
  });

  it('lets nothing flow into the mask', () => {
    const inputs = [...randomInputs(4, 2, 3), ndArray([4], [1, 0, 1, 1])];
    const sum = (...[query, key, value, mask]: tf.Tensor[]) =>
      tf.sum(classBatchAttention(query!, key!, value!, { mask: mask! })) as tf.Scalar;
    const gradients = run((...xs) => tf.grads(sum)(xs), ...inputs);
    expect([...gradients[3]!.data].map(Math.abs)).toEqual([0, 0, 0, 0]);
    expect(gradients[2]!.data.some((g) => g !== 0)).toBe(true);
  });

  it('gives the value for one sample', () => {
    fc.assert(
      fc.property(sizes, ({ classes, features, seed }) => {
        const inputs = randomInputs(1, classes, features, seed);
        expect(run(attend(), ...inputs)[0]).toEqual(inputs[2]);
      }),
      { seed: 3, numRuns: 10 },
    );
  });

  it('gives a value back that all samples share', () => {
    fc.assert(
      fc.property(sizes, ({ batch, classes, features, seed }) => {
        const [query, key] = randomInputs(batch, classes, features, seed) as [NdArray, NdArray];
        const value = ndArray([batch, classes], (i) => (i % classes) + 0.5);
        expectClose(run(attend(), query, key, value), value, 1e-6);
      }),
      { seed: 4, numRuns: 20 },
    );
  });

  it.each([
    ['plain', {}],
    ['masked', { mask: mask5 }],
  ] as [string, Options][])('stays finite for scores of ±1e4 (%s)', (_, given) => {
    const [query, key, value] = randomInputs(5, 4, 6) as [NdArray, NdArray, NdArray];
    const large = (x: NdArray) => reference.map(x, (v) => Math.sign(v) * Math.sqrt(1e4 / 3));
    const inputs = [large(query), large(key), value];
    const results = [
      ...run(attend(given), ...inputs),
      ...gradientsOf(attend(given), inputs),
      ...run(attend({ ...given, scale: 100 }), ...inputs),
    ];
    for (const { data } of results) expect(data.every(Number.isFinite)).toBe(true);
    // One unit in the last place of a score of 1e4 is 1e-3, and so is the error of its exponential.
    expectClose([results[0]!], attendReference(given)(...inputs), 2e-3);
  });

  it('with a mask gives what it gives without the masked samples', () => {
    fc.assert(
      fc.property(sizes, ({ batch, classes, features, seed }) => {
        const inputs = randomInputs(batch + 1, classes, features, seed);
        const mask = maskOf(batch + 1, seed);
        const [output] = run(attend({ mask }), ...inputs);
        const without = inputs.map((x) => kept(x, mask));
        expectClose([kept(output!, mask)], run(attend(), ...without), 2e-6);
        expect(output).toEqual(filled(output!, mask, 0));
      }),
      { seed: 5, numRuns: 20 },
    );
  });

  it.each([1e30, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'does not see masked samples that hold %f',
    (content) => {
      const inputs = randomInputs(5, 3, 7);
      const spoilt = inputs.map((x) => filled(x, mask5, content));
      const op = attend({ mask: mask5 });
      expect(run(op, ...spoilt)).toEqual(run(op, ...inputs));
      const gradients = gradientsOf(op, spoilt);
      expect(gradients).toEqual(gradientsOf(op, inputs));
      for (const gradient of gradients) expect(gradient).toEqual(filled(gradient, mask5, 0));
    },
  );

  it('gives 0 for a batch that is all masked, and gradients of 0', () => {
    const inputs = randomInputs(3, 4, 5);
    const op = attend({ mask: ndArray([3], [0, 0, 0]) });
    for (const result of [...run(op, ...inputs), ...gradientsOf(op, inputs)]) {
      expect(result.data.every((v) => v === 0)).toBe(true);
    }
  });

  it('takes a mask of any number type', () => {
    const inputs = randomInputs(5, 3, 7);
    const expected = run(attend({ mask: mask5 }), ...inputs);
    for (const dtype of ['int32', 'bool'] as const) {
      const masked: Op = (q, k, v) =>
        classBatchAttention(q!, k!, v!, { mask: tf.tensor1d([1, 0, 1, 1, 0], dtype) });
      expect(run(masked, ...inputs)).toEqual(expected);
    }
  });
});

describe('errors of classBatchAttention', () => {
  const zeros = (...shape: number[]) => tf.zeros(shape);
  const cases: [string, () => tf.Tensor, RegExp][] = [
    [
      'rank of query',
      () => classBatchAttention(zeros(2, 3), zeros(2, 3, 4), zeros(2, 3)),
      /classBatchAttention: query must have rank 3 .*rank 2 \[2, 3\]/,
    ],
    [
      'rank of value',
      () => classBatchAttention(zeros(2, 3, 4), zeros(2, 3, 4), zeros(2, 3, 1)),
      /value must have rank 2 .*rank 3 \[2, 3, 1\]/,
    ],
    [
      'batch',
      () => classBatchAttention(zeros(2, 3, 4), zeros(5, 3, 4), zeros(2, 3)),
      /key has batch 5, but query has batch 2/,
    ],
    [
      'classes',
      () => classBatchAttention(zeros(2, 3, 4), zeros(2, 3, 4), zeros(2, 7)),
      /value has classes 7, but query has classes 3/,
    ],
    [
      'features',
      () => classBatchAttention(zeros(2, 3, 4), zeros(2, 3, 9), zeros(2, 3)),
      /key has features 9, but query has features 4/,
    ],
    [
      'mask',
      () => classBatchAttention(zeros(2, 3, 4), zeros(2, 3, 4), zeros(2, 3), { mask: zeros(3) }),
      /mask has batch 3, but query has batch 2/,
    ],
    [
      'attention',
      () => classBatchAttentionWeights(zeros(2, 3, 4), zeros(2, 3, 9)),
      /classBatchAttentionWeights: key has features 9, but query has features 4/,
    ],
    [
      'mask of the attention',
      () => classBatchAttentionWeights(zeros(2, 3, 4), zeros(2, 3, 4), { mask: zeros(3) }),
      /classBatchAttentionWeights: mask has batch 3, but query has batch 2/,
    ],
  ];
  it.each(cases)('name the input and both sizes: %s', (_, call, message) => {
    tf.tidy(() => {
      expect(call).toThrow(ShapeError);
      expect(call).toThrow(message);
    });
  });
});
