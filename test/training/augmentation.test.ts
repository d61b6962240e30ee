import { describe, expect, it } from 'vitest';
import { problemOfAugmentation } from '../../src/training/augmentation.js';
import {
  type Augmentation,
  augment,
  type Images,
  imageNet,
  normalise,
  recipeOf,
  seededRandom,
} from '../../src/training/index.js';

const size = 32;
const perImage = size * size * 3;

function randomImages(count: number): Images {
  const random = seededRandom(1).uniform;
  const pixels = Uint8Array.from({ length: count * perImage }, () => Math.floor(random() * 256));
  return { pixels, size };
}

/** The i-th image of a batch. */
const imageOf = (values: Float32Array, i: number) => values.slice(i * perImage, (i + 1) * perImage);

const allBytes = Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));

const onlyFlip: Augmentation = { flip: 1 };
const affectNet = recipeOf('AffectNet-7', 'full').augmentation;
const always: Augmentation = {
  flip: 0,
  erasing: { probability: 1, area: [0.02, 0.1], aspect: [0.3, 3.3] },
};

/** The rectangle of zeros, which no byte is normalised to, or undefined where there is none. */
function erasedRectangle(image: Float32Array) {
  const isErased = (row: number, column: number) => image[(row * size + column) * 3] === 0;
  const pixels = Array.from({ length: size * size }, (_, i) => [Math.floor(i / size), i % size]);
  const erased = pixels.filter(([row, column]) => isErased(row!, column!));
  if (erased.length === 0) return undefined;
  const [rows, columns] = [0, 1].map((axis) => erased.map((pixel) => pixel[axis]!));
  const [top, left] = [Math.min(...rows!), Math.min(...columns!)];
  const height = Math.max(...rows!) - top + 1;
  const width = Math.max(...columns!) - left + 1;
  return { top, left, height, width, isFull: erased.length === height * width };
}

describe('normalise', () => {
  it('takes mean and deviation of ImageNet from each channel', () => {
    const pixels = Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));
    const values = normalise({ pixels, size: 16 });
    const f = Math.fround;
    values.forEach((value, i) => {
      const [byte, channel] = [Math.floor(i / 3), i % 3];
      const exact = (byte / 255 - imageNet.mean[channel]!) / imageNet.std[channel]!;
      const [mean, std] = [f(imageNet.mean[channel]!), f(imageNet.std[channel]!)];
      // To the last bit: ToTensor and Normalize round after each of three steps.
      expect(value).toBe(f(f(f(byte / 255) - mean) / std));
      expect(Math.abs(value - exact)).toBeLessThan(5e-7);
    });
    expect(values.includes(0)).toBe(false);
  });

  it('does to many pixels what it does to each', () => {
    const side = 150; // more than are normalised at a time
    const { uniform } = seededRandom(1);
    const pixels = Uint8Array.from({ length: side * side * 3 }, () => Math.floor(uniform() * 256));
    const values = normalise({ pixels, size: side });
    const each = normalise({ pixels: allBytes, size: 16 });
    expect(values.every((value, i) => value === each[3 * pixels[i]! + (i % 3)])).toBe(true);
  });
});

describe('augment', () => {
  const images = randomImages(40);
  const indices = Array.from({ length: 40 }, (_, i) => i);
  const plain = normalise(images);

  it('does nothing where nothing is asked', () => {
    expect(augment(images, indices, { flip: 0 }, 1, 0)).toEqual(plain);
  });

  it('writes where it is told, and only as much as there is', () => {
    const expected = augment(images, indices, affectNet, 1, 0);
    const into = new Float32Array(expected.length + 2).fill(7);
    const values = augment(images, indices, affectNet, 1, 0, into);
    expect(values.buffer).toBe(into.buffer);
    expect(values.length).toBe(expected.length);
    expect(values.every((value, i) => value === expected[i])).toBe(true);
    expect([...into.subarray(expected.length)]).toEqual([7, 7]);
  });

  it('flips columns, not rows', () => {
    const flipped = augment(images, indices, onlyFlip, 1, 0);
    for (const [row, column, channel] of [
      [0, 0, 0],
      [5, 31, 2],
      [31, 16, 1],
    ] as const) {
      const at = (c: number) => 7 * perImage + (row * size + c) * 3 + channel;
      expect(flipped[at(column)]).toBe(plain[at(size - 1 - column)]);
    }
  });

  it('flips about half of the images at 0.5', () => {
    const flipped = augment(images, indices, { flip: 0.5 }, 1, 0);
    const changed = indices.filter((i) => imageOf(flipped, i)[0] !== imageOf(plain, i)[0]);
    // 20 of 40 expected, σ 3.2.
    expect(changed.length).toBeGreaterThan(7);
    expect(changed.length).toBeLessThan(33);
  });

  it('erases one rectangle of the area and shape that it is given', () => {
    const augmented = augment(images, indices, always, 1, 0);
    const rectangles = indices.map((i) => erasedRectangle(imageOf(augmented, i))!);
    for (const { height, width, isFull } of rectangles) {
      expect(isFull).toBe(true);
      // Both sides are rounded, by up to half a pixel.
      expect((height - 0.5) * (width - 0.5)).toBeLessThan(0.1 * size * size);
      expect((height + 0.5) * (width + 0.5)).toBeGreaterThan(0.02 * size * size);
      expect((height + 0.5) / (width - 0.5)).toBeGreaterThan(0.3);
      expect((height - 0.5) / (width + 0.5)).toBeLessThan(3.3);
    }
    expect(new Set(rectangles.map(({ top, left }) => `${top},${left}`)).size).toBeGreaterThan(30);
    // The rest of an image is as it was; an expectation for each of 122,880 values takes a second.
    expect(augmented.every((value, i) => value === 0 || value === plain[i])).toBe(true);
  });

  it('erases as often as it is told: always for AffectNet, every other time for RAF-DB', () => {
    const count = (augmentation: Augmentation) => {
      const augmented = augment(images, indices, { ...augmentation, flip: 0 }, 1, 0);
      return indices.filter((i) => erasedRectangle(imageOf(augmented, i))).length;
    };
    expect(count(affectNet)).toBe(40);
    const half = count(recipeOf('RAF-DB', 'full').augmentation);
    expect(half).toBeGreaterThan(7);
    expect(half).toBeLessThan(33);
  });

  it('depends on image, epoch and seed', () => {
    const first = augment(images, indices, affectNet, 1, 0);
    expect(augment(images, indices, affectNet, 1, 0)).toEqual(first);
    expect(augment(images, indices, affectNet, 2, 0)).not.toEqual(first);
    expect(augment(images, indices, affectNet, 1, 1)).not.toEqual(first);
    const moved = indices.map((i) => i + 1);
    expect(augment(images, moved, affectNet, 1, 0)).not.toEqual(first);
  });

  it('does to an image what it does to it in any other batch', () => {
    const whole = augment(images, indices, affectNet, 3, 2);
    const picked = [17, 3, 29];
    const pixels = Uint8Array.from(
      picked.flatMap((i) => [...images.pixels.subarray(i * perImage, (i + 1) * perImage)]),
    );
    const some = augment({ pixels, size }, picked, affectNet, 3, 2);
    picked.forEach((i, at) => {
      expect(imageOf(some, at)).toEqual(imageOf(whole, i));
    });
  });

  it('changes bytes before it normalises, and draws erasing last', () => {
    const everything: Augmentation = {
      ...affectNet,
      affine: { degrees: 20, translate: 0.1, scale: [0.8, 1.2], shear: 5 },
      colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
      randAugment: { operations: 2, magnitude: 9 },
    };
    const whole = augment(images, indices, everything, 3, 2);
    expect(problemOfAugmentation(everything)).toBeUndefined();
    const values = new Set(normalise({ pixels: allBytes, size: 16 }));
    expect(whole.every((value) => value === 0 || values.has(value))).toBe(true);
    expect(indices.every((i) => erasedRectangle(imageOf(whole, i))!.isFull)).toBe(true);
    const { affine: _, ...unmoved } = everything;
    for (const other of [
      augment(images, indices, everything, 4, 2),
      augment(images, indices, everything, 3, 3),
      augment(images, indices, unmoved, 3, 2),
      augment(images, indices, { ...everything, colorJitter: undefined }, 3, 2),
      augment(images, indices, { ...everything, randAugment: undefined }, 3, 2),
    ]) {
      expect(other).not.toEqual(whole);
    }
    const one = augment(
      { pixels: images.pixels.slice(5 * perImage, 6 * perImage), size },
      [5],
      everything,
      3,
      2,
    );
    expect(one).toEqual(imageOf(whole, 5));
  });

  it('at strength 0 is the image as it was', () => {
    const nothing: Augmentation = {
      flip: 0,
      affine: { degrees: 0, translate: 0, scale: [1, 1], shear: 0 },
      colorJitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0 },
    };
    expect(augment(images, indices, nothing, 1, 0)).toEqual(plain);
  });

  it.each([
    [{ flip: 1.5 }, 'flip must be a number from 0 to 1, not 1.5'],
    [
      { flip: 0, colorJitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0.6 } },
      'color jitter: hue must be a number from 0 to 0.5, not 0.6',
    ],
    [
      { flip: 0, colorJitter: { brightness: -1, contrast: 0, saturation: 0, hue: 0 } },
      'color jitter: brightness must be a number from 0 on, not -1',
    ],
    [
      { flip: 0, affine: { degrees: 1, translate: 2, scale: [1, 1], shear: 0 } },
      'affine: translate must be a number from 0 to 1, not 2',
    ],
    [
      { flip: 0, affine: { degrees: 1, translate: 0, scale: [1, 0.5], shear: 0 } },
      'affine: the greatest scale must be a number from 1 on, not 0.5',
    ],
    [
      { flip: 0, affine: { degrees: 1, translate: 0, scale: [0, 0.5], shear: 0 } },
      'affine: the least scale must be a number above 0, not 0',
    ],
    [{ flip: 0, affine: {} }, 'affine: degrees must be a number from 0 to 360, not undefined'],
    [
      { flip: 0, randAugment: { operations: 2, magnitude: 31 } },
      'rand augment: magnitude must be a number from 0 to 30, not 31',
    ],
    [
      { flip: 0, randAugment: { operations: 2, magnitude: 1.5 } },
      'rand augment: operations and magnitude must be integers',
    ],
    [
      { flip: 0, erasing: { probability: 1, area: [0.1, 0.05], aspect: [0.3, 3.3] } },
      'erasing: the greatest area must be a number from 0.1 to 1, not 0.05',
    ],
  ] as [Augmentation, string][])('cannot be %j', (augmentation, problem) => {
    expect(problemOfAugmentation(augmentation)).toBe(problem);
  });

  it('leaves the bytes that it was given as they were', () => {
    const copy = images.pixels.slice();
    augment(images, indices, { ...affectNet, flip: 1 }, 1, 0);
    expect(images.pixels).toEqual(copy);
  });

  it('leaves a Buffer of Node as it was too, whose slices are views', () => {
    class Views extends Uint8Array {
      override slice(start?: number, end?: number) {
        return this.subarray(start, end);
      }
    }
    const pixels = Views.from(images.pixels);
    augment({ pixels, size }, indices, { ...affectNet, flip: 1 }, 1, 0);
    expect(pixels.every((value, i) => value === images.pixels[i])).toBe(true);
  });
});
