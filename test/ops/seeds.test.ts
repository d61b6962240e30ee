import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashText, mixSeeds } from '../../src/ops/seeds.js';

describe('mixSeeds', () => {
  it('gives a positive 31-bit integer, never 0, which TensorFlow.js takes for no seed', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (a, b) => {
        const seed = mixSeeds(a, b);
        expect(Number.isInteger(seed) && seed >= 1 && seed < 2 ** 31).toBe(true);
        expect(mixSeeds(a, b)).toBe(seed);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('tells neighbours and the order of its arguments apart', () => {
    const pairs = Array.from({ length: 400 }, (_, i) => [Math.floor(i / 20), i % 20] as const);
    expect(new Set(pairs.map(([a, b]) => mixSeeds(a, b))).size).toBe(400);
  });
});

describe('hashText', () => {
  it('tells the names of layers apart', () => {
    const names = Array.from({ length: 200 }, (_, i) => `ffn${i % 10}.drop_path${i}`);
    expect(new Set(names.map(hashText)).size).toBe(200);
    expect(hashText('a')).toBe(hashText('a'));
  });
});
