/** Single operations on images against torchvision's on PIL images; scripts/goldens/write_augmentations.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type AffineMove, affine } from '../../src/training/affine.js';
import * as colour from '../../src/training/colour.js';
import { mostMagnitude, randAugmentOperations } from '../../src/training/random_transforms.js';
import { readSafetensors } from '../../src/weights/index.js';

interface Case {
  source: 'picture' | 'narrow';
  kind: 'colour' | 'affine' | 'randAugment';
  name: string;
  factor: number;
  bits: number;
  threshold: number;
  magnitude: number;
  sign: number;
}

const { tensors, metadata } = readSafetensors(
  readFileSync(new URL('../fixtures/augmentations.safetensors', import.meta.url)),
);
const { size, cases } = JSON.parse(metadata.golden!) as { size: number; cases: Case[] };
const imageOf = (name: string) => tensors.get(name)!.data as Uint8Array;

const colours: Record<string, (image: Uint8Array, parameters: Case) => Uint8Array> = {
  brightness: (image, { factor }) => colour.adjustBrightness(image, factor),
  contrast: (image, { factor }) => colour.adjustContrast(image, factor),
  saturation: (image, { factor }) => colour.adjustSaturation(image, factor),
  sharpness: (image, { factor }) => colour.adjustSharpness(image, size, factor),
  hue: (image, { factor }) => colour.adjustHue(image, factor),
  posterize: (image, { bits }) => colour.posterise(image, bits),
  solarize: (image, { threshold }) => colour.solarise(image, threshold),
  autocontrast: (image) => colour.autoContrast(image),
  equalize: (image) => colour.equalise(image),
};

/** torchvision's names begin with a capital. */
const operationOf = (name: string) =>
  randAugmentOperations[
    name === 'AutoContrast' ? 'autoContrast' : name[0]!.toLowerCase() + name.slice(1)
  ]!;

function run(given: Case): Uint8Array {
  const image = imageOf(given.source);
  if (given.kind === 'colour') return colours[given.name]!(image, given);
  if (given.kind === 'affine') return affine(image, size, given as AffineMove);
  const { most, apply } = operationOf(given.name);
  return apply(image, size, (given.sign * most(size) * given.magnitude) / mostMagnitude);
}

function text({ source: _, kind: __, ...parameters }: Case): string {
  return Object.values(parameters).map(String).join(' ');
}

describe.each(cases.map((given, i) => ({ ...given, i, text: text(given) })))(
  '$kind of $source: $text',
  ({ i, text: _, ...given }) => {
    it('gives the bytes of torchvision, to one of 255', () => {
      const before = imageOf(given.source).slice();
      const [found, expected] = [run(given), imageOf(String(i))];
      expect(found).toHaveLength(expected.length);
      const apart = found.map((byte, k) => Math.abs(byte - expected[k]!));
      expect(Math.max(...apart)).toBeLessThanOrEqual(1);
      expect(imageOf(given.source)).toEqual(before);
      // Where torchvision changes the image, so do we.
      const isSame = (image: Uint8Array) => image.every((byte, k) => byte === before[k]);
      expect(isSame(found)).toBe(isSame(expected));
    });
  },
);

it('covers every operation of RandAugment', () => {
  const names = new Set(cases.flatMap(({ kind, name }) => (kind === 'randAugment' ? [name] : [])));
  expect(new Set([...names].map(operationOf))).toEqual(
    new Set(Object.values(randAugmentOperations)),
  );
});
