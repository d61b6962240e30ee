import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracyIntervals, bootstrapInterval } from '../../src/training/index.js';

describe('bootstrapInterval', () => {
  it('cuts off as much at both ends, between values where it must', () => {
    const values = (resamples: number) => {
      let next = resamples;
      return () => next--;
    };
    // 2.5 % and 97.5 % of the way from 1 to 1001, and from 1 to 4.
    const thousand = bootstrapInterval(3, values(1001), { seed: 1, resamples: 1001 });
    expect(thousand!.lower).toBeCloseTo(26, 9);
    expect(thousand!.upper).toBeCloseTo(976, 9);
    const four = bootstrapInterval(3, values(4), { seed: 1, resamples: 4, level: 0.5 });
    expect(four!.lower).toBeCloseTo(1.75, 9);
    expect(four!.upper).toBeCloseTo(3.25, 9);
  });

  it('draws as many examples as there are, with replacement, each as likely', () => {
    const counts = new Float64Array(5);
    let doubled = 0;
    const statistic = (indices: Int32Array) => {
      expect(indices).toHaveLength(5);
      for (const i of indices) counts[i]! += 1;
      doubled += Number(new Set(indices).size < 5);
      return 0;
    };
    bootstrapInterval(5, statistic, { seed: 3, resamples: 2000 });
    // 10,000 draws: 2000 of each, 40 the standard deviation; 5!/5⁵ of the resamples are without.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
    expect(Math.abs(doubled / 2000 - (1 - 120 / 3125))).toBeLessThan(0.02);
  });

  it('of a mean is the normal interval, where there are many', () => {
    const n = 1000;
    const values = Float64Array.from({ length: n }, (_, i) => Number(i < 800));
    const mean = (indices: Int32Array) => indices.reduce((sum, i) => sum + values[i]!, 0) / n;
    const { lower, upper } = bootstrapInterval(n, mean, { seed: 1, resamples: 4000 })!;
    const half = 1.96 * Math.sqrt((0.8 * 0.2) / n);
    expect(Math.abs(lower - (0.8 - half))).toBeLessThan(0.003);
    expect(Math.abs(upper - (0.8 + half))).toBeLessThan(0.003);
  });

  it('is the same for the same seed', () => {
    const first = (indices: Int32Array) => indices[0]!;
    const of = (seed: number) => bootstrapInterval(1000, first, { seed, resamples: 50 });
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it('of nothing is null, and refuses what is no interval', () => {
    const zero = () => 0;
    expect(bootstrapInterval(0, zero, { seed: 1 })).toBeNull();
    expect(() => bootstrapInterval(1, zero, { seed: 1, resamples: 1 })).toThrow('resamples is 1');
    expect(() => bootstrapInterval(1, zero, { seed: 1, level: 95 })).toThrow('level is 95: expect');
  });
});

describe('accuracyIntervals', () => {
  it('of all right or all wrong is a point', () => {
    const point = (value: number) => ({ lower: value, upper: value });
    const options = { seed: 1, resamples: 100 };
    expect(accuracyIntervals([0, 1, 1], [0, 1, 1], 2, options)).toEqual({
      accuracy: point(1),
      meanClassAccuracy: point(1),
    });
    expect(accuracyIntervals([0, 1, 1], [1, 0, 0], 2, options)).toEqual({
      accuracy: point(0),
      meanClassAccuracy: point(0),
    });
    expect(accuracyIntervals([], [], 2, options)).toEqual({
      accuracy: null,
      meanClassAccuracy: null,
    });
  });

  it('gives a rare class its weight in the mean class accuracy alone', () => {
    // 90 of class 0, all right; 10 of class 1, all wrong: 0.9 overall, 0.5 by class.
    const labels = Array.from({ length: 100 }, (_, i) => Number(i >= 90));
    const { accuracy, meanClassAccuracy } = accuracyIntervals(labels, Array(100).fill(0), 2, {
      seed: 1,
      resamples: 1000,
    });
    expect(accuracy!.lower).toBeGreaterThan(0.8);
    expect(accuracy!.upper).toBeLessThan(0.97);
    expect(meanClassAccuracy).toEqual({ lower: 0.5, upper: 0.5 });
  });

  it('lies between 0 and 1 and around what is most likely', () => {
    const pairs = fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(pairs, fc.nat(1000), (examples, seed) => {
        const labels = examples.map(([label]) => label);
        const predictions = examples.map(([, predicted]) => predicted);
        const { accuracy, meanClassAccuracy } = accuracyIntervals(labels, predictions, 3, {
          seed,
          resamples: 200,
        });
        const right = labels.filter((label, i) => label === predictions[i]).length;
        expect(accuracy!.lower).toBeLessThanOrEqual(right / labels.length);
        expect(accuracy!.upper).toBeGreaterThanOrEqual(right / labels.length);
        for (const { lower, upper } of [accuracy!, meanClassAccuracy!]) {
          expect(lower).toBeGreaterThanOrEqual(0);
          expect(lower).toBeLessThanOrEqual(upper);
          expect(upper).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 50 },
    );
  });
});
