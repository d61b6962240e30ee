import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { imageSource } from '../../../src/node/images/image_source.js';
import { preparedBatches } from '../../../src/node/training/prepared_batches.js';
import { augment, recipeOf } from '../../../src/training/index.js';
import { temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const size = 20;
const images = Array.from({ length: 9 }, (_, label) => ({
  path: join(folder, `${label}.png`),
  label,
}));
const damaged = 4;
const { augmentation } = recipeOf('AffectNet-7', 'full');

beforeAll(async () => {
  for (const { path, label } of images) {
    const pixels = Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * (label + 3)) % 256);
    const image = sharp(pixels, { raw: { width: size, height: size, channels: 3 } });
    writeFile(path, label === damaged ? 'damaged' : await image.png().toBuffer());
  }
});

describe.each([
  { name: 'kept in memory', memoryBytes: 1e6 },
  { name: 'read again', memoryBytes: 0 },
])('preparedBatches of images $name', ({ memoryBytes }) => {
  // Batches of different lengths; 0 comes a second time, as 9; 4 is damaged.
  const draws = [[0, 1, 2], [3, 4, 9], [5, 6, 7], [8], []];
  const held = [[0, 1, 2], [3, 9], [5, 6, 7], [8], []];

  it('holds a batch until the next one is asked for, however long that takes', async () => {
    const source = imageSource(images, size, { memoryBytes });
    const fresh = imageSource(images, size, { memoryBytes });
    const skipped: string[] = [];
    let i = 0;
    for await (const batch of preparedBatches(source, draws, augmentation, 1, 2)) {
      const { pixels, labels } = await fresh.read(held[i]!.map((draw) => draw % images.length));
      const expected = augment({ pixels, size }, held[i]!, augmentation, 1, 2);
      // Long enough for the next batch to be there.
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([...batch.labels]).toEqual([...labels]);
      expect(batch.values.length).toBe(expected.length);
      expect(batch.values.every((value, at) => value === expected[at])).toBe(true);
      expect(batch.pixels.every((value, at) => value === pixels[at])).toBe(true);
      skipped.push(...batch.skipped.map(({ path }) => path));
      i++;
    }
    expect(i).toBe(draws.length);
    expect(skipped).toEqual([images[damaged]!.path]);
  });
});
