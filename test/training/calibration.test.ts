import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibration } from '../../src/training/index.js';

describe('calibration', () => {
  it('is what a hand computes', () => {
    // Confidences 0.9 right, 0.6 wrong, 0.5 right (the first of equals), 0.8 right.
    const probabilities = [0.9, 0.1, 0.6, 0.4, 0.5, 0.5, 0.2, 0.8];
    const { expectedError, negativeLogLikelihood, bins } = calibration(
      probabilities,
      [0, 1, 0, 1],
      2,
      2,
    );
    expect(bins[0]).toEqual({ lower: 0, upper: 0.5, count: 1, confidence: 0.5, accuracy: 1 });
    expect(bins[1]).toMatchObject({ lower: 0.5, upper: 1, count: 3, accuracy: 2 / 3 });
    expect(bins[1]!.confidence).toBeCloseTo(2.3 / 3, 12);
    expect(expectedError).toBeCloseTo(0.5 / 4 + 0.3 / 4, 12);
    const likelihood = -(Math.log(0.9) + Math.log(0.4) + Math.log(0.5) + Math.log(0.8)) / 4;
    expect(negativeLogLikelihood).toBeCloseTo(likelihood, 12);
  });

  it('has a bin end where the next begins: (lower, upper]', () => {
    const bins = (confidence: number) =>
      calibration([confidence, 1 - confidence], [0], 2, 4).bins.map(({ count }) => count);
    expect(bins(0.75)).toEqual([0, 0, 1, 0]);
    expect(bins(0.7500001)).toEqual([0, 0, 0, 1]);
    expect(bins(1)).toEqual([0, 0, 0, 1]);
  });

  it('of certainty is no error, or all of it and endless surprise', () => {
    expect(calibration([1, 0, 0, 1], [0, 1], 2)).toMatchObject({
      expectedError: 0,
      negativeLogLikelihood: -0,
    });
    expect(calibration([1, 0, 0, 1], [1, 0], 2)).toMatchObject({
      expectedError: 1,
      negativeLogLikelihood: Number.POSITIVE_INFINITY,
    });
  });

  it('of nothing is null', () => {
    const { expectedError, negativeLogLikelihood, bins } = calibration([], [], 3);
    expect([expectedError, negativeLogLikelihood]).toEqual([null, null]);
    expect(bins).toHaveLength(15);
    expect(bins.every((bin) => bin.count === 0 && bin.accuracy === null)).toBe(true);
  });

  const example = fc
    .tuple(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
      fc.nat(2),
    )
    .map(([weights, label]) => {
      const total = weights.reduce((sum, weight) => sum + weight, 1e-3 * 3);
      return { row: weights.map((weight) => (weight + 1e-3) / total), label };
    });

  it('counts every example once, and errs between 0 and 1, whatever their order', () => {
    fc.assert(
      fc.property(fc.array(example, { minLength: 1, maxLength: 40 }), (examples) => {
        const of = (list: typeof examples) =>
          calibration(
            list.flatMap(({ row }) => row),
            list.map(({ label }) => label),
            3,
          );
        const { expectedError, negativeLogLikelihood, bins } = of(examples);
        const turned = of([...examples].reverse());
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(examples.length);
        expect(expectedError).toBeGreaterThanOrEqual(0);
        expect(expectedError).toBeLessThanOrEqual(1);
        expect(turned.expectedError).toBeCloseTo(expectedError!, 12);
        expect(turned.negativeLogLikelihood).toBeCloseTo(negativeLogLikelihood!, 12);
        for (const { lower, upper, confidence } of bins) {
          if (confidence === null) continue;
          expect(confidence).toBeGreaterThan(lower - 1e-12);
          expect(confidence).toBeLessThan(upper + 1e-12);
        }
      }),
    );
  });

  it('of one bin is the distance of mean confidence and accuracy', () => {
    fc.assert(
      fc.property(fc.array(example, { minLength: 1, maxLength: 40 }), (examples) => {
        const rows = examples.map(({ row }) => row);
        const labels = examples.map(({ label }) => label);
        const highest = rows.map((row) => Math.max(...row));
        const right = rows.filter((row, i) => row.indexOf(highest[i]!) === labels[i]).length;
        const confidence = highest.reduce((sum, value) => sum + value, 0);
        const { expectedError } = calibration(rows.flat(), labels, 3, 1);
        expect(expectedError).toBeCloseTo(Math.abs(confidence - right) / rows.length, 12);
      }),
    );
  });

  it('refuses what is no prediction', () => {
    expect(() => calibration([1, 0], [0, 1], 2)).toThrow('2 probabilities for 2 labels of 2 class');
    expect(() => calibration([1, 0], [2], 2)).toThrow('labels[0] is 2: expected an integer from 0');
    expect(() => calibration([1.5, -0.5], [0], 2)).toThrow(
      'probabilities[1] is -0.5: expected 0…1',
    );
    expect(() => calibration([Number.NaN, 1], [0], 2)).toThrow('probabilities[0] is NaN');
    expect(() => calibration([3, 1], [0], 2)).toThrow(
      'probabilities of row 0 sum to 4: expected 1',
    );
  });
});
