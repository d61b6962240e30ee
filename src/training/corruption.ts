import { ArgumentError } from '../ops/errors.js';
import { hashText } from '../ops/seeds.js';
import { type Images, imageNet } from './augmentation.js';
import { normal } from './normal.js';
import { type Random, seededRandom } from './random.js';
import { resizeBilinear } from './resize.js';

/**
 * What each corruption does at severities 1 to 5.
 *
 * - `occlusion`: the part of the image's area that a square of ImageNet's mean colour hides. Ours.
 * - `resolution`: pixels a side that are left, bilinear down and up again; an image that has no more
 *   stays as it is. Severity 3 is the 28 of the paper's Resolution-28 RAF-DB; the others are ours.
 * - `blur`: standard deviation of a Gaussian, in pixels of an image of 224, in proportion at other
 *   sizes. ImageNet-C's `gaussian_blur` (Hendrycks and Dietterich, arXiv 1903.12261).
 * - `noise`: standard deviation of Gaussian noise on values from 0 to 1. ImageNet-C's
 *   `gaussian_noise`.
 * - `dark`: stops of exposure, each of which halves the light before sRGB's curve. Ours.
 *
 * @example
 * console.log(`severity 3: ${corruptions.resolution[3 - 1]} pixels a side`); // severity 3: 28 pixels a side
 */
export const corruptions = {
  occlusion: [0.05, 0.1, 0.2, 0.3, 0.4],
  resolution: [56, 40, 28, 20, 14],
  blur: [1, 2, 3, 4, 6],
  noise: [0.08, 0.12, 0.18, 0.26, 0.38],
  dark: [1, 2, 3, 4, 5],
} as const satisfies Record<string, readonly [number, number, number, number, number]>;

/** The name of one of `corruptions`. */
export type Corruption = keyof typeof corruptions;

/**
 * Every `Corruption`.
 *
 * @example
 * console.log(corruptionNames.join(', ')); // occlusion, resolution, blur, noise, dark
 */
export const corruptionNames = Object.keys(corruptions) as Corruption[];

/**
 * How strong a corruption may be, from 1, slight, to 5.
 *
 * @example
 * for (const severity of severities) console.log(severity, corruptions.occlusion[severity - 1]);
 * // 1 0.05
 * // 2 0.1
 * // 3 0.2
 * // 4 0.3
 * // 5 0.4
 */
export const severities = [1, 2, 3, 4, 5] as const;

/** One of `severities`. */
export type Severity = (typeof severities)[number];

type Corrupt = (image: Uint8Array, size: number, strength: number, random: Random) => Uint8Array;

const corrupters: Record<Corruption, Corrupt> = {
  occlusion: occlude,
  resolution: reduceResolution,
  blur,
  noise: addNoise,
  dark: darken,
};

/**
 * Images made worse, to test how much a network can take.
 *
 * @param indices Which images these are. What happens to an image depends on its index, the corruption
 *   and the seed, not on its batch. The severities of an image draw the same: the square grows where
 *   it is, the noise swells.
 * @returns bytes `[n, size, size, 3]`; the images given stay as they are.
 * @throws ArgumentError for an unknown corruption or severity, or where `indices` are not one an image.
 *
 * @example
 * const images = { pixels: new Uint8Array(112 * 112 * 3).fill(255), size: 112 }; // a white one
 * const dark = corrupt(images, [0], 'dark', 2, 1); // severity 2, seed 1
 * console.log(dark.length, dark[0]); // 37632 137
 */
export function corrupt(
  { pixels, size }: Images,
  indices: readonly number[],
  corruption: Corruption,
  severity: Severity,
  seed: number,
): Uint8Array {
  if (!Object.hasOwn(corruptions, corruption)) {
    throw new ArgumentError(
      `corruption is '${corruption}': expected one of ${corruptionNames.join(', ')}`,
    );
  }
  if (!severities.includes(severity)) {
    throw new ArgumentError(`severity is ${severity}: expected an integer from 1 to 5`);
  }
  const imageLength = size * size * 3;
  if (pixels.length !== indices.length * imageLength) {
    throw new ArgumentError(`${indices.length} indices for ${pixels.length / imageLength} images`);
  }
  const out = new Uint8Array(pixels.length);
  indices.forEach((index, i) => {
    const random = seededRandom(seed, hashText(corruption), index);
    const image = pixels.subarray(i * imageLength, (i + 1) * imageLength);
    const strength = corruptions[corruption][severity - 1]!;
    out.set(corrupters[corruption](image, size, strength, random), i * imageLength);
  });
  return out;
}

const meanColour = imageNet.mean.map((value) => Math.round(255 * value));

function occlude(image: Uint8Array, size: number, area: number, random: Random): Uint8Array {
  const side = Math.round(size * Math.sqrt(area));
  const [left, top] = [random.uniform(), random.uniform()].map((part) =>
    Math.floor(part * (size - side + 1)),
  ) as [number, number];
  const out = image.slice();
  for (let row = top; row < top + side; row++) {
    for (let x = left; x < left + side; x++) out.set(meanColour, (row * size + x) * 3);
  }
  return out;
}

function reduceResolution(image: Uint8Array, size: number, side: number): Uint8Array {
  if (side >= size) return image;
  return resizeBilinear(
    resizeBilinear(image, [size, size], [side, side]),
    [side, side],
    [size, size],
  );
}

/** Beyond the border, the outermost pixels go on; the Gaussian ends at four standard deviations. */
function blur(image: Uint8Array, size: number, sigmaAt224: number): Uint8Array {
  const sigma = (sigmaAt224 * size) / 224;
  const radius = Math.floor(4 * sigma + 0.5);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const total = weights.reduce((sum, weight) => sum + weight);
  const kernel = weights.map((weight) => weight / total);
  const wide = convolve(image, size, kernel, 3, size * 3);
  return Uint8Array.from(Uint8ClampedArray.from(convolve(wide, size, kernel, size * 3, 3)));
}

/** Along lines of values `step` apart; neighbouring lines are `across` apart. */
function convolve(
  values: ArrayLike<number>,
  size: number,
  kernel: Float64Array,
  step: number,
  across: number,
): Float64Array {
  const radius = (kernel.length - 1) / 2;
  const out = new Float64Array(values.length);
  for (let line = 0; line < size; line++) {
    for (let channel = 0; channel < 3; channel++) {
      const start = line * across + channel;
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) {
          const at = Math.min(size - 1, Math.max(0, i + k - radius));
          sum += kernel[k]! * values[start + at * step]!;
        }
        out[start + i * step] = sum;
      }
    }
  }
  return out;
}

function addNoise(image: Uint8Array, _: number, sigma: number, random: Random): Uint8Array {
  const out = new Uint8ClampedArray(image.length);
  for (let i = 0; i < image.length; i++) out[i] = image[i]! + 255 * sigma * normal(random);
  return Uint8Array.from(out);
}

function darken(image: Uint8Array, _: number, stops: number): Uint8Array {
  const table = Uint8ClampedArray.from(
    { length: 256 },
    (_, byte) => 255 * fromLight(toLight(byte / 255) / 2 ** stops),
  );
  return image.map((byte) => table[byte]!);
}

/** sRGB's curve (IEC 61966-2-1), value to light. Both are 0…1. */
function toLight(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function fromLight(light: number): number {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
}
