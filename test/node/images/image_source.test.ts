import { rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DecodeError } from '../../../src/node/images/decode_image.js';
import type { LabelledImage } from '../../../src/node/images/image_folder.js';
import { imageSource } from '../../../src/node/images/image_source.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const size = 6;
const imageBytes = size * size * 3;
/** Image i is all of gray level i and has label i; number 3 is damaged. */
const images: LabelledImage[] = Array.from({ length: 8 }, (_, label) => ({
  path: join(folder, `${label}.png`),
  label,
}));
const damaged = 3;

beforeAll(async () => {
  for (const { path, label } of images) {
    const gray = { r: label, g: label, b: label };
    const image = sharp({ create: { width: 9, height: 9, channels: 3, background: gray } });
    writeFile(path, label === damaged ? 'damaged' : await image.png().toBuffer());
  }
});

describe.each([
  { name: 'in memory', memoryBytes: 8 * imageBytes },
  { name: 'on demand', memoryBytes: 8 * imageBytes - 1 },
])('imageSource, $name', ({ name, memoryBytes }) => {
  it('knows whether the split fits', () => {
    const source = imageSource(images, size, { memoryBytes });
    expect(source.cached).toBe(name === 'in memory');
    expect([source.length, source.size]).toEqual([8, size]);
  });

  it('reads images in the order asked for, repeated ones too', async () => {
    const source = imageSource(images, size, { memoryBytes });
    for (let round = 0; round < 2; round++) {
      const { pixels, labels, indices, skipped } = await source.read([5, 0, 5, 7]);
      expect([...labels]).toEqual([5, 0, 5, 7]);
      expect(indices).toEqual([5, 0, 5, 7]);
      expect(pixels).toHaveLength(4 * imageBytes);
      labels.forEach((label, i) => {
        expect(new Set(pixels.subarray(i * imageBytes, (i + 1) * imageBytes))).toEqual(
          new Set([label]),
        );
      });
      expect(skipped).toEqual([]);
    }
  });

  it('reports a damaged file once and leaves it out', async () => {
    const source = imageSource(images, size, { memoryBytes });
    expect(source.usable()).toHaveLength(8);
    const [first, second] = await Promise.all([source.read([2, 3, 4]), source.read([3, 3])]);
    expect([...first.labels]).toEqual([2, 4]);
    expect(first.indices).toEqual([2, 4]);
    expect(second.pixels).toHaveLength(0);
    expect([...first.skipped, ...second.skipped]).toEqual([
      { path: images[damaged]!.path, reason: expect.stringContaining('not an image') },
    ]);
    expect((await source.read([3])).skipped).toEqual([]);
    expect(source.skipped).toHaveLength(1);
    expect(source.usable()).toEqual([0, 1, 2, 4, 5, 6, 7]);
  });

  it('writes where it is told, and closes the gaps of damaged files', async () => {
    const source = imageSource(images, size, { memoryBytes });
    const into = new Uint8Array(7 * imageBytes).fill(99);
    const { pixels, indices } = await source.read([3, 5, 3, 0, 5, 7], into);
    expect(indices).toEqual([5, 0, 5, 7]);
    expect(pixels.buffer).toBe(into.buffer);
    expect(pixels).toHaveLength(4 * imageBytes);
    expect(Array.from(pixels.filter((_, i) => i % imageBytes === 0))).toEqual([5, 0, 5, 7]);
    expect(new Set(into.subarray(6 * imageBytes))).toEqual(new Set([99]));
    expect(await messageOf(source.read([1, 2], into.subarray(0, 9)))).toBe(
      `ArgumentError: into has 9 bytes: expected ${2 * imageBytes} or more`,
    );
  });

  it('finds all damaged files beforehand', async () => {
    const source = imageSource(images, size, { memoryBytes, concurrency: 3 });
    const progress: number[] = [];
    await source.preload((done) => progress.push(done));
    expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(source.skipped.map(({ path }) => path)).toEqual([images[damaged]!.path]);
  });

  it('fails on a damaged file in strict mode', async () => {
    const source = imageSource(images, size, { memoryBytes, strict: true });
    await expect(source.preload()).rejects.toThrow(DecodeError);
    expect(await messageOf(source.read([1, 3]))).toMatch(/3\.png: it is not an image/);
    expect([...(await source.read([1])).labels]).toEqual([1]);
  });

  it('leaves the memory that it was given alone once it has failed', async () => {
    const source = imageSource(images, size, { memoryBytes, strict: true, concurrency: 8 });
    const into = new Uint8Array(8 * imageBytes);
    await messageOf(source.read([3, 0, 1, 2, 4, 5, 6, 7], into));
    into.fill(99);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(new Set(into)).toEqual(new Set([99]));
  });

  it('fails when nothing is left', async () => {
    const source = imageSource([images[damaged]!], size, { memoryBytes });
    expect(await messageOf(source.read([0]))).toMatch(
      /UserError: none of the 1 images can be decoded; the last: .*3\.png: it is not an image/,
    );
  });

  it.each([8, -1, 0.5, Number.NaN])('refuses the index %s', async (index) => {
    const source = imageSource(images, size, { memoryBytes });
    expect(await messageOf(source.read([0, index]))).toMatch(/ArgumentError: index .* from 0 to 7/);
  });
});

describe('imageSource in memory', () => {
  it('does not need the files a second time, and hands out copies', async () => {
    const path = join(folder, 'gone.png');
    const image = sharp({ create: { width: 9, height: 9, channels: 3, background: '#090909' } });
    writeFile(path, await image.png().toBuffer());
    const source = imageSource([{ path, label: 0 }], size);
    (await source.read([0])).pixels.fill(0);
    rmSync(path);
    expect(new Set((await source.read([0])).pixels)).toEqual(new Set([9]));
  });

  it('shows what is there already, and only that', async () => {
    const source = imageSource(images, size);
    expect(source.inMemory(0)).toBeUndefined();
    await source.preload();
    expect(new Set(source.inMemory(5))).toEqual(new Set([5]));
    expect([source.inMemory(damaged), source.inMemory(8)]).toEqual([undefined, undefined]);
    const onDemand = imageSource(images, size, { memoryBytes: 1 });
    await onDemand.preload();
    expect(onDemand.inMemory(5)).toBeUndefined();
  });
});
