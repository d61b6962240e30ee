import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batches, classBalanced, seededRandom, shuffled } from '../../src/training/index.js';
import { occurrences } from '../../src/training/sampler.js';

const items = Array.from({ length: 50 }, (_, i) => i);
const ascending = (a: number, b: number) => a - b;

describe('shuffled', () => {
  it('is a permutation, the same for the same seed and epoch, and leaves its input', () => {
    const order = shuffled(items, 1, 0);
    expect(shuffled(items, 1, 0)).toEqual(order);
    expect(order).not.toEqual(items);
    expect([...order].sort(ascending)).toEqual(items);
    expect(items[0]).toBe(0);
  });

  it('differs from epoch to epoch and from seed to seed', () => {
    const orders = [0, 1, 2, 3].flatMap((epoch) =>
      [1, 2].map((seed) => shuffled(items, seed, epoch)),
    );
    expect(new Set(orders.map(String)).size).toBe(8);
  });

  it('puts each item everywhere', () => {
    const firsts = new Array<number>(5).fill(0);
    for (let epoch = 0; epoch < 1000; epoch++) {
      const [first] = shuffled([0, 1, 2, 3, 4], 1, epoch);
      firsts[first!]!++;
    }
    // 200 each expected, σ 12.6.
    for (const count of firsts) {
      expect(count).toBeGreaterThan(140);
      expect(count).toBeLessThan(260);
    }
  });

  it('takes what there is nothing to shuffle in', () => {
    expect(shuffled([], 1, 0)).toEqual([]);
    expect(shuffled(['only'], 1, 0)).toEqual(['only']);
  });
});

describe('classBalanced', () => {
  const labels = [...new Array<number>(90).fill(0), ...new Array<number>(9).fill(2), 5];

  it('draws each class equally often, and each of its samples', () => {
    const classes = new Map<number, number>();
    const samples = new Map<number, number>();
    for (let epoch = 0; epoch < 90; epoch++) {
      const order = classBalanced(labels, 1, epoch);
      expect(order).toHaveLength(100);
      for (const index of order) {
        const label = labels[index]!;
        classes.set(label, (classes.get(label) ?? 0) + 1);
        if (label === 2) samples.set(index, (samples.get(index) ?? 0) + 1);
      }
    }
    // 3000 each expected, σ 45; of the samples 333, σ 18.
    expect([...classes.keys()].sort()).toEqual([0, 2, 5]);
    for (const count of classes.values()) expect(Math.abs(count - 3000)).toBeLessThan(200);
    expect(samples.size).toBe(9);
    for (const count of samples.values()) expect(Math.abs(count - 333)).toBeLessThan(90);
  });

  it('is the same for the same seed and epoch only', () => {
    expect(classBalanced(labels, 1, 2)).toEqual(classBalanced(labels, 1, 2));
    expect(classBalanced(labels, 1, 2)).not.toEqual(classBalanced(labels, 1, 3));
    expect(classBalanced(labels, 1, 2)).not.toEqual(classBalanced(labels, 2, 2));
    expect(classBalanced([], 1, 0)).toEqual([]);
  });
});

describe('occurrences', () => {
  it('counts what came before', () => {
    expect(occurrences([7, 3, 7, 7, 3])).toEqual([0, 0, 1, 2, 1]);
  });
});

describe('batches', () => {
  it('cuts in order, with all but the last of the size', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 15 }), (length, batchSize) => {
        const list = items.slice(0, length);
        const cut = batches(list, batchSize);
        expect(cut.flat()).toEqual(list);
        cut.slice(0, -1).forEach((batch) => {
          expect(batch).toHaveLength(batchSize);
        });
        if (length > 0) expect(cut.at(-1)!.length).toBeGreaterThan(0);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it.each([0, -1, 1.5, Number.NaN])('names a size of %f', (batchSize) => {
    const message = `batchSize must be an integer from 1 on, not ${batchSize}`;
    expect(() => batches(items, batchSize)).toThrow(message);
  });
});

describe('seededRandom', () => {
  const draws = (...seeds: number[]) => {
    const random = seededRandom(...seeds);
    return Array.from({ length: 5 }, () => random.uniform());
  };

  it('depends on all of its seeds and on their order', () => {
    expect(draws(1, 2, 3)).toEqual(draws(1, 2, 3));
    const streams = [draws(1, 2, 3), draws(3, 2, 1), draws(1, 2), draws(0, 0, 0), draws(0, 0, 1)];
    expect(new Set(streams.map(String)).size).toBe(5);
  });

  it('draws uniformly from [0, 1) and whole numbers below n', () => {
    const random = seededRandom(1);
    const numbers = Array.from({ length: 10_000 }, () => random.uniform());
    expect(numbers.every((v) => v >= 0 && v < 1)).toBe(true);
    // The mean of 10,000 has σ 0.0029.
    const mean = numbers.reduce((a, b) => a + b) / numbers.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.012);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 6000; i++) counts[random.integer(6)]!++;
    // 1000 each expected, σ 29.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('starts neighbouring images far apart', () => {
    const firsts = items.map((index) => seededRandom(1, 0, index).uniform());
    expect(firsts.filter((v) => v < 0.5).length).toBeGreaterThan(12);
    expect(firsts.filter((v) => v < 0.5).length).toBeLessThan(38);
  });
});
