/** Flip and erasing as distributions: the same as torchvision's, whatever the random numbers. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Augmentation, augment, recipeOf } from '../../src/training/index.js';

/** Written by scripts/goldens/write_erasing.py. */
interface Golden {
  size: number;
  draws: number;
  epsilon: number;
  settings: Setting[];
}

interface Setting {
  name: string;
  scale: [number, number];
  ratio: [number, number];
  /** How often no rectangle fitted in ten attempts. */
  failed: number;
  /** Empirical distribution functions: the share of values up to each point. */
  distributions: Record<string, { points: number[]; shares: number[] }>;
}

interface Rectangle {
  top: number;
  left: number;
  height: number;
  width: number;
}

const { size, draws, epsilon, settings }: Golden = JSON.parse(
  readFileSync(new URL('../fixtures/erasing.json', import.meta.url), 'utf8'),
);

/**
 * 49 comparisons are made below. A right implementation fails one of them with a probability of at
 * most 0.001 (Bonferroni), over the choice of the seed.
 */
const significance = 0.001 / 49;
/** Two-sided, of a standard normal variable: 1 in 49,000. */
const sigmas = 4.26;

/** Two samples of n each: the distance of their distribution functions stays below this. */
function kolmogorovSmirnovBound(n: number, m: number): number {
  return Math.sqrt((-Math.log(significance / 2) / 2) * (1 / n + 1 / m));
}

/** How each of `draws` images comes out, in epochs of 500. */
function* augmented(side: number, augmentation: Augmentation): Generator<Float32Array> {
  const inEpoch = 500;
  const perImage = side * side * 3;
  const pixels = leftIsDark(inEpoch, side);
  const indices = Array.from({ length: inEpoch }, (_, i) => i);
  for (let epoch = 0; epoch < draws / inEpoch; epoch++) {
    const values = augment({ pixels, size: side }, indices, augmentation, 1, epoch);
    for (const i of indices) yield values.subarray(i * perImage, (i + 1) * perImage);
  }
}

function leftIsDark(count: number, side: number): Uint8Array {
  const isDark = (i: number) => Math.floor(i / 3) % side < side / 2;
  return Uint8Array.from({ length: count * side * side * 3 }, (_, i) => (isDark(i) ? 0 : 255));
}

/** A flip puts the dark half on the right. Dark values are below 0, bright ones above. */
function isFlipped(image: Float32Array, side: number): boolean {
  const at = image.findIndex((value) => value !== 0);
  const isLeft = Math.floor(at / 3) % side < side / 2;
  return image[at]! < 0 !== isLeft;
}

/** No byte is normalised to 0: zeros are what was erased. */
function erased(image: Float32Array): Rectangle | undefined {
  const isErased = (row: number, column: number) => image[(row * size + column) * 3] === 0;
  const first = image.indexOf(0) / 3;
  if (first < 0) return undefined;
  const [top, left] = [Math.floor(first / size), first % size];
  let [height, width] = [1, 1];
  while (top + height < size && isErased(top + height, left)) height++;
  while (left + width < size && isErased(top, left + width)) width++;
  return { top, left, height, width };
}

function drawRectangles({ scale, ratio }: Setting): Rectangle[] {
  const erasing = { probability: 1, area: scale, aspect: ratio };
  const rectangles: Rectangle[] = [];
  for (const image of augmented(size, { flip: 0, erasing })) {
    const rectangle = erased(image);
    if (rectangle) rectangles.push(rectangle);
  }
  return rectangles;
}

const quantities: Record<string, (rectangle: Rectangle) => number> = {
  area: ({ height, width }) => height * width,
  logAspect: ({ height, width }) => Math.log(height / width),
  height: ({ height }) => height,
  width: ({ width }) => width,
  centerY: ({ top, height }) => top + height / 2,
  centerX: ({ left, width }) => left + width / 2,
  freeY: ({ top, height }) => (top + 0.5) / (size - height + 1),
  freeX: ({ left, width }) => (left + 0.5) / (size - width + 1),
};

/** The greatest distance between the distribution functions, where torchvision's is known. */
function distance(values: number[], { points, shares }: { points: number[]; shares: number[] }) {
  const apart = points.map((point, i) => {
    const below = values.reduce((sum, value) => sum + Number(value <= point + epsilon), 0);
    return Math.abs(below / values.length - shares[i]!);
  });
  return Math.max(...apart);
}

/** Expects a count of `n` tries to be like that of a binomial variable. */
function expectBinomial(count: number, n: number, probability: number): void {
  const sigma = Math.sqrt(n * probability * (1 - probability));
  expect(Math.abs(count - n * probability)).toBeLessThan(sigmas * sigma);
}

describe.each(settings)('random erasing, $name', (setting) => {
  const rectangles = drawRectangles(setting);
  const taken = draws - setting.failed;

  it.each(Object.keys(quantities))('draws %s from the distribution of torchvision', (name) => {
    const values = rectangles.map(quantities[name]!);
    const bound = kolmogorovSmirnovBound(values.length, taken);
    expect(distance(values, setting.distributions[name]!)).toBeLessThan(bound);
  });

  it('fails as often', () => {
    const failed = draws - rectangles.length;
    const share = (failed + setting.failed) / (2 * draws);
    const sigma = Math.sqrt(2 * draws * share * (1 - share));
    expect(Math.abs(failed - setting.failed)).toBeLessThanOrEqual(sigmas * sigma);
  });

  it('keeps to the rules', () => {
    const { scale, ratio } = setting;
    const within = rectangles.filter(({ top, left, height, width }) => {
      // Both sides are rounded, by up to half a pixel.
      const [least, most] = [(height - 0.5) * (width - 0.5), (height + 0.5) * (width + 0.5)];
      return [
        height < size && width < size && top + height <= size && left + width <= size,
        least <= scale[1] * size * size && most >= scale[0] * size * size,
        (height + 0.5) / (width - 0.5) >= ratio[0] && (height - 0.5) / (width + 0.5) <= ratio[1],
      ].every(Boolean);
    });
    expect(within).toHaveLength(rectangles.length);
    // The last position possible is drawn as well.
    expect(rectangles.some(({ top, height }) => top + height === size)).toBe(true);
    expect(rectangles.some(({ left, width }) => left + width === size)).toBe(true);
  });
});

describe('random flip', () => {
  it.each([0.5, 0.1])('flips %d of the images', (flip) => {
    let flipped = 0;
    for (const image of augmented(2, { flip })) flipped += Number(isFlipped(image, 2));
    expectBinomial(flipped, draws, flip);
  });

  it('is independent of erasing', () => {
    const side = 16;
    const { augmentation } = recipeOf('RAF-DB', 'full');
    let [erasedAlone, both] = [0, 0];
    for (const image of augmented(side, augmentation)) {
      if (!image.includes(0)) continue;
      if (isFlipped(image, side)) both++;
      else erasedAlone++;
    }
    expectBinomial(erasedAlone, draws, 0.25);
    expectBinomial(both, draws, 0.25);
  });
});
