import { type Random, seededRandom } from './random.js';

/** Mean and standard deviation of ImageNet's RGB channels, of values from 0 to 1. */
export const imageNet = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

/** Blanks one rectangle of an image (Zhong et al., arXiv 1708.04896), as torchvision draws it. */
export interface RandomErasing {
  probability: number;
  /** Least and greatest share of the image's area. */
  area: [least: number, greatest: number];
  /** Least and greatest height over width. */
  aspect: [least: number, greatest: number];
}

export interface Augmentation {
  /** Probability of a horizontal flip. */
  flip: number;
  erasing?: RandomErasing;
}

/** Images as bytes, `[n, size, size, 3]` RGB. */
export interface Images {
  pixels: Uint8Array;
  size: number;
}

/**
 * Images as a network takes them: normalised by ImageNet's mean and standard deviation.
 *
 * @returns `[n, size, size, 3]`
 */
export function normalise({ pixels }: Images): Float32Array {
  const table = normaliseTable();
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 3) {
    values[i] = table[pixels[i]!]!;
    values[i + 1] = table[256 + pixels[i + 1]!]!;
    values[i + 2] = table[512 + pixels[i + 2]!]!;
  }
  return values;
}

/**
 * Flips, normalises and erases images at random, as the authors train.
 *
 * @param indices Which images these are. What happens to an image depends on its index, the epoch and
 *   the seed alone, not on its batch.
 * @returns `[n, size, size, 3]`, erased parts 0.
 *
 * Provenance: baseline (POSTER V2's recipe).
 */
export function augment(
  images: Images,
  indices: readonly number[],
  { flip, erasing }: Augmentation,
  seed: number,
  epoch: number,
): Float32Array {
  const values = normalise(images);
  const { size } = images;
  indices.forEach((index, i) => {
    const random = seededRandom(seed, epoch, index);
    const image = values.subarray(i * size * size * 3, (i + 1) * size * size * 3);
    if (random.uniform() < flip) flipHorizontally(image, size);
    if (erasing && random.uniform() < erasing.probability) erase(image, size, erasing, random);
  });
  return values;
}

let cachedTable: Float32Array | undefined;

/** Normalised value of each byte, channel by channel. */
function normaliseTable(): Float32Array {
  cachedTable ??= Float32Array.from({ length: 3 * 256 }, (_, i) =>
    normaliseByte(i % 256, Math.floor(i / 256)),
  );
  return cachedTable;
}

/** Rounded to float32 after every step, for the very values of ToTensor and Normalize. */
function normaliseByte(byte: number, channel: number): number {
  const f = Math.fround;
  const centred = f(f(byte / 255) - f(imageNet.mean[channel]!));
  return f(centred / f(imageNet.std[channel]!));
}

function flipHorizontally(image: Float32Array, size: number): void {
  for (let row = 0; row < size; row++) {
    for (let left = 0, right = size - 1; left < right; left++, right--) {
      const [a, b] = [(row * size + left) * 3, (row * size + right) * 3];
      for (let channel = 0; channel < 3; channel++) {
        const value = image[a + channel]!;
        image[a + channel] = image[b + channel]!;
        image[b + channel] = value;
      }
    }
  }
}

/** Ten attempts at a rectangle that fits, then none. */
function erase(
  image: Float32Array,
  size: number,
  { area, aspect }: RandomErasing,
  random: Random,
): void {
  const between = ([least, greatest]: [number, number]) =>
    least + random.uniform() * (greatest - least);
  for (let attempt = 0; attempt < 10; attempt++) {
    const erased = size * size * between(area);
    const ratio = Math.exp(between([Math.log(aspect[0]), Math.log(aspect[1])]));
    const height = Math.round(Math.sqrt(erased * ratio));
    const width = Math.round(Math.sqrt(erased / ratio));
    if (height >= size || width >= size) continue;
    const top = random.integer(size - height + 1);
    const left = random.integer(size - width + 1);
    for (let row = top; row < top + height; row++) {
      image.fill(0, (row * size + left) * 3, (row * size + left + width) * 3);
    }
    return;
  }
}
