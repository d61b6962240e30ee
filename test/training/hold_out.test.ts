import fc from 'fast-check';
import { expect, it } from 'vitest';
import { holdOut } from '../../src/training/hold_out.js';

const labels = [...Array(100).fill(0), ...Array(30).fill(1), ...Array(4).fill(2), 3] as number[];

function countsOf(held: readonly number[]): number[] {
  return [0, 1, 2, 3].map((label) => held.filter((index) => labels[index] === label).length);
}

it('holds out the same part of each class, but never a whole class', () => {
  expect(countsOf(holdOut(labels, 0.1, 1))).toEqual([10, 3, 1, 0]);
  expect(countsOf(holdOut(labels, 0.5, 1))).toEqual([50, 15, 2, 0]);
  expect(countsOf(holdOut(labels, 0.99, 1))).toEqual([99, 29, 3, 0]);
  expect(countsOf(holdOut(labels, 0.001, 1))).toEqual([1, 1, 1, 0]);
  expect(holdOut([0, 1, 2], 0.5, 1)).toEqual([]);
});

it('is a function of the seed, and the draws of classes differ', () => {
  const held = holdOut(labels, 0.1, 1);
  expect(holdOut(labels, 0.1, 1)).toEqual(held);
  expect(holdOut(labels, 0.1, 2)).not.toEqual(held);
  const twice = holdOut([...Array(50).fill(0), ...Array(50).fill(1)], 0.2, 1);
  expect(twice.filter((i) => i >= 50).map((i) => i - 50)).not.toEqual(twice.filter((i) => i < 50));
});

it('gives distinct indices in order, for any labels', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(5), { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.integer({ min: 1, max: 1e6 }),
      (each, fraction, seed) => {
        const held = holdOut(each, fraction, seed);
        expect(held).toEqual([...new Set(held)].sort((a, b) => a - b));
        const rest = each.filter((_, index) => !held.includes(index));
        expect(new Set(rest)).toEqual(new Set(each));
      },
    ),
  );
});

it('holds out every sample about equally often', () => {
  const seeds = 2000;
  const times = new Array<number>(10).fill(0);
  for (let seed = 1; seed <= seeds; seed++) {
    for (const index of holdOut(new Array<number>(10).fill(0), 0.3, seed)) times[index]! += 1;
  }
  // 600 each, with a standard deviation of 20.5: five of them.
  for (const count of times) expect(Math.abs(count - 600)).toBeLessThan(103);
});

it.each([0, 1, -0.1, Number.NaN])('refuses the fraction %s', (fraction) => {
  expect(() => holdOut(labels, fraction, 1)).toThrow('fraction must be between 0 and 1');
});
