import { describe, expect, it } from 'vitest';
import {
  adamStep,
  batchNorm,
  classBatchAttention,
  conv2d,
  crossEntropy,
  erf,
  layerNorm,
  ndArray,
  relativePositionBias,
} from './reference/index.js';

/** Values from tables or worked by hand: what everything else is held to must itself be right. */
describe('float64 references', () => {
  it('know the error function to 1e-12', () => {
    const table = [
      [0, 0],
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3, 0.9999779095030014],
      [5, 0.9999999999984626],
      [7, 1],
    ] as const;
    for (const [x, y] of table) {
      expect(Math.abs(erf(x) - y)).toBeLessThan(1e-12);
      expect(Math.abs(erf(-x) + y)).toBeLessThan(1e-12);
    }
  });

  it('divide scores by the root of the class count', () => {
    // Two samples, four classes, one feature: scores 0 and 2·ln 3 over √4 give weights 1 : 3.
    const query = ndArray([2, 4, 1], () => 1);
    const key = ndArray([2, 4, 1], (i) => (i < 4 ? 0 : 2 * Math.log(3)));
    const value = ndArray([2, 4], (i) => (i < 4 ? 0 : 4));
    const { data } = classBatchAttention(query, key, value);
    for (const y of data) expect(y).toBeCloseTo(3, 12);
  });

  it('normalise batches and rows', () => {
    const x = ndArray([2, 2], [1, 10, 3, 20]);
    const [ones, zeros] = [ndArray([2], [1, 1]), ndArray([2], [0, 0])];
    const [output, mean, variance] = batchNorm(x, ones, zeros, 0);
    expect([...output.data, ...mean.data, ...variance.data]).toEqual([-1, -1, 1, 1, 2, 15, 1, 25]);
    expect([...layerNorm(x, ones, zeros, 0).data]).toEqual([-1, 1, -1, 1]);
  });

  it('pad convolutions on all sides', () => {
    const x = ndArray([1, 4, 4, 1], () => 1);
    const kernel = ndArray([3, 3, 1, 1], () => 1);
    const window = { strides: 2, padding: 1 };
    expect([...conv2d(x, kernel, undefined, window).data]).toEqual([4, 6, 6, 9]);
  });

  it('look relative positions up by query minus key', () => {
    const table = ndArray([9, 1], (i) => i);
    const { data } = relativePositionBias(table, 2);
    expect([...data]).toEqual([4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4]);
  });

  it('know a loss and a first step of Adam', () => {
    expect(crossEntropy(ndArray([1, 2], [0, Math.log(3)]), [0])).toBeCloseTo(Math.log(4), 12);
    const moments = { first: [0], second: [0] };
    // The first step is the learning rate against the gradient's sign.
    expect(adamStep([1], [5], moments, 1, 0.1)[0]).toBeCloseTo(0.9, 8);
  });
});
