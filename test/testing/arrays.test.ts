import { expect, it } from 'vitest';
import { ndArray, randomArray } from '../../src/testing/index.js';

it('ndArray takes values or a function of the flat index, and counts them', () => {
  expect(ndArray([2, 2], [1, 2, 3, 4])).toEqual(ndArray([2, 2], (i) => i + 1));
  expect(ndArray([], [5]).data).toHaveLength(1);
  expect(() => ndArray([2, 2], [1, 2, 3])).toThrow('ndArray: 3 values for shape [2, 2]');
});

it('randomArray is normal, as float32 holds it, and the same for the same seed', () => {
  const { data } = randomArray([10_000], 1, { scale: 2, shift: 3 });
  const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
  const variance = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length;
  // Four standard errors: 2/100 of the mean, √2/100 of the variance's size.
  expect(Math.abs(mean - 3)).toBeLessThan(0.08);
  expect(Math.abs(variance / 4 - 1)).toBeLessThan(0.057);
  expect(data.every((v) => Math.fround(v) === v)).toBe(true);
  expect(randomArray([10_000], 1, { scale: 2, shift: 3 }).data).toEqual(data);
  expect(randomArray([10_000], 2).data).not.toEqual(randomArray([10_000], 1).data);
});
