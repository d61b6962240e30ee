/** Parameters of colour jitter, affine moves and RandAugment as distributions: the same as torchvision's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ColorJitter, type RandomAffine, seededRandom } from '../../src/training/index.js';
import {
  drawJitter,
  drawMove,
  drawOperations,
  randAugmentOperations,
} from '../../src/training/random_transforms.js';

/** Written by scripts/goldens/write_augmentations.py. */
interface Golden {
  size: number;
  draws: number;
  epsilon: number;
  jitter: ColorJitter;
  affine: RandomAffine;
  /** Of RandAugment. */
  operations: string[];
  /** Empirical distribution functions: the share of values up to each point. */
  distributions: Record<string, { points: number[]; shares: number[] }>;
}

const { size, draws, epsilon, jitter, affine, operations, distributions }: Golden = JSON.parse(
  readFileSync(new URL('../fixtures/augmentations.json', import.meta.url), 'utf8'),
);

/**
 * 57 comparisons are made below. A right implementation fails one of them with a probability of at
 * most 0.001 (Bonferroni), over the choice of the seed.
 */
const significance = 0.001 / 57;
/** Two-sided, of a standard normal variable: 1 in 57,000. */
const sigmas = 4.3;

/** As each image of an epoch draws. */
const drawn = Array.from({ length: draws }, (_, index) => ({
  jitter: drawJitter(jitter, seededRandom(1, 0, index)),
  move: drawMove(affine, size, seededRandom(2, 0, index)),
  operations: drawOperations({ operations: 2, magnitude: 9 }, size, seededRandom(3, 0, index)),
}));

const ofJitter = (name: keyof ColorJitter) => (draw: (typeof drawn)[number]) =>
  draw.jitter.find((each) => each.name === name)!.amount;

const quantities: Record<string, (draw: (typeof drawn)[number]) => number> = {
  brightness: ofJitter('brightness'),
  contrast: ofJitter('contrast'),
  saturation: ofJitter('saturation'),
  hue: ofJitter('hue'),
  angle: ({ move }) => move.angle,
  translateX: ({ move }) => move.translate[0],
  translateY: ({ move }) => move.translate[1],
  scale: ({ move }) => move.scale,
  shear: ({ move }) => move.shear[0],
};

function expectBinomial(count: number, n: number, probability: number): void {
  const sigma = Math.sqrt(n * probability * (1 - probability));
  expect(Math.abs(count - n * probability)).toBeLessThan(sigmas * sigma);
}

it('compares every quantity that torchvision draws', () => {
  expect(Object.keys(quantities).sort()).toEqual(Object.keys(distributions).sort());
  expect(operations.map((name) => name.toLowerCase())).toEqual(
    Object.keys(randAugmentOperations).map((name) => name.toLowerCase()),
  );
});

describe('colour jitter and affine moves', () => {
  it.each(Object.keys(distributions))('draw %s from the distribution of torchvision', (name) => {
    const values = Float64Array.from(drawn, quantities[name]!).sort();
    const { points, shares } = distributions[name]!;
    const apart = points.map((point, i) => {
      const below = values.findIndex((value) => value > point + epsilon);
      return Math.abs((below < 0 ? draws : below) / draws - shares[i]!);
    });
    // Two samples of `draws` each: the distance of their distribution functions stays below this.
    const bound = Math.sqrt((-Math.log(significance / 2) / 2) * (2 / draws));
    expect(Math.max(...apart)).toBeLessThan(bound);
  });

  it('change colours in each of 24 orders equally often', () => {
    const counts = new Map<string, number>();
    for (const draw of drawn) {
      const order = draw.jitter.map(({ name }) => name).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    for (const count of counts.values()) expectBinomial(count, draws, 1 / 24);
  });

  it('do not shear along y', () => {
    expect(drawn.every(({ move }) => move.shear[1] === 0)).toBe(true);
  });
});

describe('RandAugment', () => {
  const names = Object.keys(randAugmentOperations);
  const all = drawn.flatMap((draw) => draw.operations);

  it.each(names)('draws %s as often as the others, either way as often', (name) => {
    const amounts = all.flatMap((each) => (each.name === name ? [each.amount] : []));
    expectBinomial(amounts.length, all.length, 1 / names.length);
    const { most, signed } = randAugmentOperations[name]!;
    const negative = amounts.filter((amount) => amount < 0).length;
    if (signed) expectBinomial(negative, amounts.length, 1 / 2);
    else expect(negative).toBe(0);
    expect(new Set(amounts.map(Math.abs))).toEqual(new Set([(most(size) * 9) / 30]));
  });

  it('draws the second apart from the first', () => {
    const same = drawn.filter(({ operations: [one, two] }) => one!.name === two!.name).length;
    expectBinomial(same, draws, 1 / names.length);
  });
});
