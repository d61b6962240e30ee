import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Corruption,
  corrupt,
  corruptionNames,
  corruptions,
  type Severity,
  seededRandom,
  severities,
} from '../../src/training/index.js';
import { resizeBilinear } from '../../src/training/resize.js';

const imageLength = (size: number) => size * size * 3;

function randomPixels(count: number, size: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: count * imageLength(size) }, () => random.integer(256));
}

function flat(size: number, value: number): Uint8Array {
  return new Uint8Array(imageLength(size)).fill(value);
}

const one = (pixels: Uint8Array, size: number, name: Corruption, severity: Severity, index = 0) =>
  corrupt({ pixels, size }, [index], name, severity, 1);

describe.each(corruptionNames)('corrupt by %s', (name) => {
  const size = 56;

  it('does to an image what it does in any batch, again and again', () => {
    const pixels = randomPixels(3, size);
    const before = pixels.slice();
    for (const severity of severities) {
      const together = corrupt({ pixels, size }, [7, 3, 5], name, severity, 9);
      const alone = [7, 3, 5].flatMap((index, i) => {
        const image = pixels.subarray(i * imageLength(size), (i + 1) * imageLength(size));
        return [...corrupt({ pixels: image, size }, [index], name, severity, 9)];
      });
      expect([...together]).toEqual(alone);
      expect(pixels).toEqual(before);
    }
  });

  it('does more at each severity', () => {
    // A smooth image, as photographs are.
    const large = 112;
    const pixels = resizeBilinear(randomPixels(1, 28), [28, 28], [large, large]);
    const distances = severities.map((severity) => {
      const worse = one(pixels, large, name, severity);
      return Math.sqrt(worse.reduce((sum, byte, i) => sum + (byte - pixels[i]!) ** 2, 0));
    });
    for (let i = 1; i < distances.length; i++) {
      expect(distances[i]).toBeGreaterThan(distances[i - 1]!);
    }
    expect(distances[0]).toBeGreaterThan(0);
  });
});

it('refuses what it does not know', () => {
  const images = { pixels: flat(4, 0), size: 4 };
  const of = (...args: unknown[]) => corrupt(images, ...(args as [[0], 'blur', 1, 1]));
  expect(() => of([0], 'rain', 1, 1)).toThrow("corruption is 'rain': expected one of occlusion, r");
  expect(() => of([0], 'toString', 1, 1)).toThrow("corruption is 'toString'");
  for (const severity of [0, 6, 1.5]) {
    expect(() => of([0], 'blur', severity, 1)).toThrow(`severity is ${severity}: expected an int`);
  }
  expect(() => of([0, 1], 'blur', 1, 1)).toThrow('2 indices for 1 images');
});

describe('occlusion', () => {
  const covered = (size: number, severity: Severity, index: number) => {
    const image = one(flat(size, 255), size, 'occlusion', severity, index);
    return Array.from({ length: size * size }, (_, i) => image[3 * i] !== 255);
  };

  it('hides a square of as much of the area as it says, in the mean colour', () => {
    const size = 112;
    for (const severity of severities) {
      const side = Math.round(size * Math.sqrt(corruptions.occlusion[severity - 1]!));
      expect(covered(size, severity, 4).filter(Boolean)).toHaveLength(side * side);
    }
    const image = one(flat(size, 255), size, 'occlusion', 5, 4);
    const at = 3 * covered(size, 5, 4).indexOf(true);
    expect([...image.subarray(at, at + 3)]).toEqual([124, 116, 104]);
  });

  it('grows where it is', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 8, max: 40 }), (index, size) => {
        for (const severity of [1, 2, 3, 4] as const) {
          const [less, more] = [covered(size, severity, index), covered(size, 5, index)];
          expect(less.every((hidden, i) => !hidden || more[i])).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('may be anywhere', () => {
    const size = 8;
    const often = new Float64Array(size * size);
    for (let index = 0; index < 400; index++) {
      covered(size, 1, index).forEach((hidden, i) => {
        often[i]! += Number(hidden);
      });
    }
    expect(often.every((count) => count > 0)).toBe(true);
  });
});

describe('resolution', () => {
  it('is as small an image, enlarged', () => {
    const pixels = randomPixels(1, 112);
    const small = resizeBilinear(pixels, [112, 112], [28, 28]);
    expect(one(pixels, 112, 'resolution', 3)).toEqual(resizeBilinear(small, [28, 28], [112, 112]));
  });

  it('leaves what has no more pixels as it is', () => {
    const pixels = randomPixels(1, 28);
    expect(one(pixels, 28, 'resolution', 3)).toEqual(pixels);
    expect(one(pixels, 28, 'resolution', 4)).not.toEqual(pixels);
  });
});

describe('blur', () => {
  /** Middle values of a white pixel on black. */
  const spread = (size: number, severity: Severity) => {
    const pixels = flat(size, 0);
    const middle = size / 2;
    pixels.fill(255, 3 * (middle * size + middle), 3 * (middle * size + middle) + 3);
    const image = one(pixels, size, 'blur', severity);
    const at = (row: number, x: number) => image[3 * ((middle + row) * size + middle + x)];
    return [at(0, 0), at(0, 1), at(-1, 0), at(1, 1), at(0, 2)];
  };

  it('spreads a pixel as a Gaussian does', () => {
    // σ 1: 0.39894 · exp(−x²/2) along each axis, times 255.
    expect(spread(224, 1)).toEqual([41, 25, 25, 15, 5]);
  });

  it('is as wide in proportion at any size', () => {
    expect(spread(112, 2)).toEqual(spread(224, 1));
  });

  it('goes on with the outermost pixels beyond the border', () => {
    expect(one(flat(16, 77), 16, 'blur', 5)).toEqual(flat(16, 77));
    // Light above, dark below: each column alone stays what it is, row by row.
    const pixels = Uint8Array.from({ length: imageLength(16) }, (_, i) => (i < 8 * 48 ? 200 : 10));
    const image = one(pixels, 16, 'blur', 5);
    for (let i = 0; i < image.length; i++) expect(image[i]).toBe(image[48 * Math.floor(i / 48)]);
  });
});

describe('noise', () => {
  const size = 112;
  const noiseOf = (severity: Severity, index = 0) =>
    Float64Array.from(one(flat(size, 128), size, 'noise', severity, index), (byte) => byte - 128);
  const deviation = (values: Float64Array) =>
    Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);

  it('has the standard deviation that it says, and no mean', () => {
    const noise = noiseOf(1);
    // 37,632 values: the mean is off by 0.1, the deviation by 0.4 %.
    expect(Math.abs(noise.reduce((sum, value) => sum + value) / noise.length)).toBeLessThan(0.5);
    expect(Math.abs(deviation(noise) / (255 * 0.08) - 1)).toBeLessThan(0.02);
    const within = noise.filter((value) => Math.abs(value) < 255 * 0.08).length / noise.length;
    expect(Math.abs(within - 0.683)).toBeLessThan(0.02);
  });

  it('swells with severity, and is another for each image', () => {
    const [least, more] = [noiseOf(1), noiseOf(2)];
    // But for what bytes cannot hold; both are rounded.
    const isOff = least.map((value, i) =>
      Number(Math.abs(more[i]!) < 127 && Math.abs(1.5 * value - more[i]!) > 1.25),
    );
    expect(isOff.indexOf(1)).toBe(-1);
    const product = noiseOf(1, 1).reduce((sum, value, i) => sum + value * least[i]!, 0);
    const correlation = product / (least.length * deviation(least) ** 2);
    expect(Math.abs(correlation)).toBeLessThan(0.03);
  });
});

describe('dark', () => {
  it('halves the light with each stop', () => {
    // sRGB of a half, a quarter, … of white's light.
    const whites = severities.map((severity) => one(flat(2, 255), 2, 'dark', severity)[0]);
    expect(whites).toEqual([188, 137, 99, 71, 49]);
    expect(one(flat(2, 0), 2, 'dark', 1)).toEqual(flat(2, 0));
  });
});
