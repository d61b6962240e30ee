import { type AffineMove, affine } from './affine.js';
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
  autoContrast,
  equalise,
  posterise,
  solarise,
} from './colour.js';
import type { Random } from './random.js';
import { shuffledBy } from './sampler.js';

/**
 * Random changes of brightness, contrast, saturation and hue, in random order: torchvision's
 * `ColorJitter`. A factor of the first three is drawn from 1 − x to 1 + x, the hue's turn from −x to x;
 * 0 leaves it alone.
 */
export interface ColorJitter {
  /** x, from 0 on. */
  brightness: number;
  /** x, from 0 on. */
  contrast: number;
  /** x, from 0 on. */
  saturation: number;
  /** Part of the circle, up to 0.5. */
  hue: number;
}

/** Random turns, shifts, scales and shears, black where nothing comes from: torchvision's `RandomAffine`. */
export interface RandomAffine {
  /** Greatest turn to either side, in degrees. */
  degrees: number;
  /** Greatest shift to either side, along each axis, as part of the size. */
  translate: number;
  /** Least and greatest factor. */
  scale: [least: number, greatest: number];
  /** Greatest shear along x to either side, in degrees. */
  shear: number;
}

/**
 * RandAugment (Cubuk et al., arXiv 1909.13719), as torchvision's `RandAugment` with bilinear
 * interpolation: so many operations of a fixed list, each drawn anew, all of one magnitude.
 */
export interface RandAugment {
  /** N. torchvision's default is 2. */
  operations: number;
  /** M, an integer from 0 to 30. torchvision's default is 9. */
  magnitude: number;
}

const adjusters = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};

/** What to change of the colours, in the order of the changes; also what is left alone. */
export function drawJitter(
  jitter: ColorJitter,
  random: Random,
): { name: keyof ColorJitter; amount: number }[] {
  const { brightness, contrast, saturation, hue } = jitter;
  const factor = (most: number) => between(random, Math.max(0, 1 - most), 1 + most);
  const drawn: { name: keyof ColorJitter; amount: number }[] = [
    { name: 'brightness', amount: factor(brightness) },
    { name: 'contrast', amount: factor(contrast) },
    { name: 'saturation', amount: factor(saturation) },
    { name: 'hue', amount: between(random, -hue, hue) },
  ];
  return shuffledBy(drawn, random);
}

/** @param image `[size, size, 3]` RGB bytes, which stay as they are; so for all of these. */
export function jitterColor(image: Uint8Array, jitter: ColorJitter, random: Random): Uint8Array {
  return drawJitter(jitter, random).reduce(
    (from, { name, amount }) => (jitter[name] === 0 ? from : adjusters[name](from, amount)),
    image,
  );
}

export function drawMove(
  { degrees, translate, scale, shear }: RandomAffine,
  size: number,
  random: Random,
): Required<Omit<AffineMove, 'center'>> {
  const upTo = (most: number) => between(random, -most, most);
  return {
    angle: upTo(degrees),
    translate: [Math.round(upTo(translate * size)), Math.round(upTo(translate * size))],
    scale: between(random, ...scale),
    shear: [upTo(shear), 0],
  };
}

export function moveAtRandom(
  image: Uint8Array,
  size: number,
  move: RandomAffine,
  random: Random,
): Uint8Array {
  return affine(image, size, drawMove(move, size, random));
}

/** The largest magnitude of RandAugment. */
export const mostMagnitude = 30;

interface Operation {
  /** At the largest magnitude. */
  most: (size: number) => number;
  /** Whether it goes either way. */
  signed: boolean;
  apply(image: Uint8Array, size: number, amount: number): Uint8Array;
}

const signed = (most: number, apply: Operation['apply']): Operation => ({
  most: () => most,
  signed: true,
  apply,
});
const unsigned = (apply: Operation['apply']): Operation => ({
  most: () => 1,
  signed: false,
  apply,
});
const shift = (apply: Operation['apply']): Operation => ({
  most: (size) => (150 / 331) * size,
  signed: true,
  apply,
});
/** Degrees of a shear that shifts a row by `slope` of its distance. */
const degreesOf = (slope: number) => (Math.atan(slope) * 180) / Math.PI;
const corner = [0, 0] as const;

/** torchvision's list and ranges. */
export const randAugmentOperations: Record<string, Operation> = {
  identity: unsigned((image) => image),
  shearX: signed(0.3, (image, size, amount) =>
    affine(image, size, { shear: [degreesOf(amount), 0], center: corner }),
  ),
  shearY: signed(0.3, (image, size, amount) =>
    affine(image, size, { shear: [0, degreesOf(amount)], center: corner }),
  ),
  translateX: shift((image, size, amount) =>
    affine(image, size, { translate: [Math.trunc(amount), 0] }),
  ),
  translateY: shift((image, size, amount) =>
    affine(image, size, { translate: [0, Math.trunc(amount)] }),
  ),
  rotate: signed(30, (image, size, amount) => affine(image, size, { angle: -amount })),
  brightness: signed(0.9, (image, _, amount) => adjustBrightness(image, 1 + amount)),
  color: signed(0.9, (image, _, amount) => adjustSaturation(image, 1 + amount)),
  contrast: signed(0.9, (image, _, amount) => adjustContrast(image, 1 + amount)),
  sharpness: signed(0.9, (image, size, amount) => adjustSharpness(image, size, 1 + amount)),
  posterize: unsigned((image, _, amount) => posterise(image, 8 - roundHalfToEven(4 * amount))),
  solarize: unsigned((image, _, amount) => solarise(image, 255 * (1 - amount))),
  autoContrast: unsigned((image) => autoContrast(image)),
  equalize: unsigned((image) => equalise(image)),
};

const operationNames = Object.keys(randAugmentOperations);

export function drawOperations(
  { operations, magnitude }: RandAugment,
  size: number,
  random: Random,
): { name: string; amount: number }[] {
  return Array.from({ length: operations }, () => {
    const name = operationNames[random.integer(operationNames.length)]!;
    const { most, signed } = randAugmentOperations[name]!;
    const amount = (most(size) * magnitude) / mostMagnitude;
    return { name, amount: signed && random.integer(2) === 1 ? -amount : amount };
  });
}

export function randAugment(
  image: Uint8Array,
  size: number,
  options: RandAugment,
  random: Random,
): Uint8Array {
  return drawOperations(options, size, random).reduce(
    (from, { name, amount }) => randAugmentOperations[name]!.apply(from, size, amount),
    image,
  );
}

/** Uniform in [least, greatest). */
export function between(random: Random, least: number, greatest: number): number {
  return least + random.uniform() * (greatest - least);
}

/** As torch.round. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
