import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { resizeBilinear } from '../../src/training/resize.js';

/** Bytes of a 32-bit linear congruential generator: the image that PIL was given, too. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

function resizeNoise(from: readonly [number, number], to: readonly [number, number]): Uint8Array {
  return resizeBilinear(noise(from[0] * from[1] * 3), from, to);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

describe('resizeBilinear', () => {
  // From Pillow 13.0: Image.fromarray(noise).resize((width, height), Image.BILINEAR).
  it.each([
    { name: 'enlarges', from: [100, 100], to: [224, 224], pillow: 'b5a0b5402f3ad4ca' },
    { name: 'shrinks a little', from: [256, 256], to: [224, 224], pillow: '34e31f52fac66ca2' },
    { name: 'does both at once', from: [37, 301], to: [224, 224], pillow: '4cfa8adb31ab55a5' },
    { name: 'shrinks a lot', from: [700, 500], to: [112, 112], pillow: '6a6f90c389acd10a' },
    { name: 'enlarges one pixel', from: [1, 1], to: [3, 2], pillow: 'c270f9593700e38e' },
    { name: 'changes the width only', from: [224, 50], to: [224, 224], pillow: '1949ecfec57a759a' },
    { name: 'goes by strips', from: [1201, 801], to: [224, 224], pillow: 'c390c09109abf616' },
    {
      name: 'keeps many rows open',
      from: [601, 1999],
      to: [600, 1998],
      pillow: '85ca1ccd4635e3d1',
    },
    { name: 'makes a column', from: [1500, 701], to: [300, 1], pillow: '560c6427d59ef9f7' },
    { name: 'shrinks wide rows', from: [3, 40000], to: [5, 30], pillow: '16920646ec0a4433' },
    // From Pillow 12.1: since 13.0, it shrinks such images the other way first.
    { name: 'shrinks a tall image', from: [300, 150], to: [224, 224], pillow: 'b60a97bbb5306af0' },
    { name: 'shrinks high columns', from: [40000, 3], to: [31, 7], pillow: '014cd44ad827ab7c' },
  ] as const)('$name with the bytes of PIL', ({ from, to, pillow }) => {
    expect(sha256(resizeNoise(from, to))).toBe(pillow);
  });

  it('leaves an image of the right size as it is', () => {
    expect(resizeNoise([20, 30], [20, 30])).toEqual(noise(20 * 30 * 3));
  });

  it.each([
    [20, 30],
    [9, 40],
  ] as const)('writes %i × %i pixels where it is told', (...to) => {
    const into = new Uint8Array(to[0] * to[1] * 3);
    const pixels = noise(20 * 30 * 3);
    expect(resizeBilinear(pixels, [20, 30], to, into)).toBe(into);
    expect(into).toEqual(resizeNoise([20, 30], to));
    expect(pixels).toEqual(noise(20 * 30 * 3));
  });

  it('is not changed by what was resized before', () => {
    const small = resizeNoise([30, 20], [40, 50]);
    resizeNoise([4000, 50], [70, 2000]);
    expect(resizeNoise([30, 20], [40, 50])).toEqual(small);
  });
});
