import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/node/images/decode_image.js';
import { normalise } from '../../../src/training/index.js';

/** Written by scripts/goldens/write_pixels.py. */
interface Manifest {
  size: number;
  tolerance: { mean: number; max: number };
  cases: PixelCase[];
  normalised: { bytes: number[]; values: [number, number, number][] };
}

interface PixelCase {
  file: string;
  expected: string;
  /** How the expected pixels differ from those of torchvision's ImageFolder, where they do. */
  departs?: string;
  meanFromImageFolder?: number;
}

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/pixels/${name}`, import.meta.url));
const manifest: Manifest = JSON.parse(readFileSync(fixture('manifest.json'), 'utf8'));
const { size, tolerance } = manifest;

/** Mean and greatest absolute difference in grey levels. */
function difference(a: Uint8Array, b: Uint8Array): { mean: number; max: number } {
  expect(a).toHaveLength(b.length);
  const apart = a.map((value, i) => Math.abs(value - b[i]!));
  const total = apart.reduce((sum, value) => sum + value, 0);
  return { mean: total / apart.length, max: apart.reduce((most, value) => Math.max(most, value)) };
}

/** PNG of the right size, read without the code under test. */
function expectedPixels({ expected }: PixelCase): Promise<Uint8Array> {
  return sharp(fixture(expected)).toColourspace('srgb').raw().toBuffer();
}

describe('decodeImage', () => {
  it.each(manifest.cases)('gives the pixels of torchvision for $file', async (pixelCase) => {
    const pixels = await decodeImage(fixture(pixelCase.file), size);
    const { mean, max } = difference(pixels, await expectedPixels(pixelCase));
    expect(mean).toBeLessThanOrEqual(tolerance.mean);
    expect(max).toBeLessThanOrEqual(tolerance.max);
  });

  // Both decode JPEG by libjpeg-turbo's exact transform. Blending alone is rounded otherwise.
  it.each(manifest.cases.filter(({ file }) => !file.includes('alpha')))(
    'gives them byte by byte for $file',
    async (pixelCase) => {
      const pixels = await decodeImage(fixture(pixelCase.file), size);
      expect(difference(pixels, await expectedPixels(pixelCase))).toEqual({ mean: 0, max: 0 });
    },
  );

  it('departs from ImageFolder in three cases alone', () => {
    const departing = manifest.cases.filter(({ departs }) => departs);
    expect(departing.map(({ file }) => file)).toEqual([
      'face_160x100_turned.jpg',
      'face_100_alpha.png',
      'face_100_grey16.png',
    ]);
    for (const { meanFromImageFolder } of departing) {
      expect(meanFromImageFolder).toBeGreaterThan(10);
    }
  });

  it('keeps the colours of transparent images where they are opaque', async () => {
    const pixels = await decodeImage(fixture('face_100_alpha.png'), size);
    const whole = await decodeImage(await removeAlpha(fixture('face_100_alpha.png')), size);
    const opaque = Math.floor(size / 4) * 3;
    for (let row = 0; row < size; row++) {
      const start = row * size * 3;
      expect(pixels.subarray(start, start + opaque)).toEqual(whole.subarray(start, start + opaque));
    }
  });

  // For each orientation of EXIF, where the pixel that is shown at (x, y) is stored, from 0 to end.
  it.each([
    [1, (x, y) => [x, y]],
    [2, (x, y, end) => [end - x, y]],
    [3, (x, y, end) => [end - x, end - y]],
    [4, (x, y, end) => [x, end - y]],
    [5, (x, y) => [y, x]],
    [6, (x, y, end) => [y, end - x]],
    [7, (x, y, end) => [end - y, end - x]],
    [8, (x, y, end) => [end - y, x]],
  ] as [number, (x: number, y: number, end: number) => [number, number]][])(
    'turns EXIF orientation %i upright',
    async (orientation, storedAt) => {
      const path = fixture('scene_211x97_422.jpg');
      const turned = await sharp(path).withMetadata({ orientation }).png().toBuffer();
      const stored = await decodeImage(path, size);
      const upright = stored.map((_, i) => {
        const pixel = Math.floor(i / 3);
        const [x, y] = storedAt(pixel % size, Math.floor(pixel / size), size - 1);
        return stored[(y * size + x) * 3 + (i % 3)]!;
      });
      // Turned by 90°, the other axis is resized and rounded first.
      expect(difference(await decodeImage(turned, size), upright).max).toBeLessThanOrEqual(1);
    },
  );
});

function removeAlpha(path: string): Promise<Uint8Array> {
  return sharp(path).removeAlpha().png().toBuffer();
}

describe('normalise', () => {
  it('gives the float32 values of ToTensor and Normalize', () => {
    const { bytes, values } = manifest.normalised;
    const pixels = Uint8Array.from(bytes.flatMap((byte) => [byte, byte, byte]));
    expect([...normalise({ pixels, size: 1 })]).toEqual(values.flat());
  });
});
