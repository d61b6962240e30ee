import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  duplicatesAcross,
  duplicatesText,
  duplicateText,
  type SplitImages,
} from '../../../src/node/images/duplicates.js';
import { imageSource } from '../../../src/node/images/image_source.js';
import { temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const size = 8;
const at = (name: string) => join(folder, name);

/** A picture all of one grey. */
function grey(level: number): sharp.Sharp {
  const background = { r: level, g: level, b: level };
  return sharp({ create: { width: 20, height: 20, channels: 3, background } });
}

beforeAll(async () => {
  for (const split of ['train', 'validation', 'test']) mkdirSync(at(split));
  const png = async (name: string, level: number) =>
    writeFile(at(name), await grey(level).png().toBuffer());
  await png('train/a.png', 10);
  await png('train/a_again.png', 10);
  await png('train/b.png', 20);
  await png('train/c.png', 30);
  await png('validation/c.png', 30);
  await png('validation/d.png', 40);
  await png('test/a.png', 10);
  await png('test/e.png', 50);
  // The same pixels, but not the same file.
  writeFile(at('test/b.webp'), await grey(20).webp({ lossless: true }).toBuffer());
  writeFile(at('test/broken.png'), 'no image');
  writeFile(at('train/broken.png'), 'no image');
});

async function splits(memoryBytes: number): Promise<SplitImages[]> {
  const files: Record<string, [string, number][]> = {
    train: [
      ['a.png', 0],
      ['a_again.png', 0],
      ['b.png', 1],
      ['broken.png', 0],
      ['c.png', 2],
      ['gone.png', 2],
    ],
    validation: [
      ['c.png', 2],
      ['d.png', 2],
    ],
    test: [
      ['a.png', 1],
      ['b.webp', 1],
      ['broken.png', 0],
      ['e.png', 1],
    ],
  };
  return Object.entries(files).map(([name, list]) => {
    const images = list.map(([file, label]) => ({ path: at(`${name}/${file}`), label }));
    return { name, images, source: imageSource(images, size, { memoryBytes }) };
  });
}

describe('duplicatesAcross', () => {
  it('compares pixels where all images are in memory', async () => {
    const all = await splits(1e9);
    for (const { source } of all) await source.preload();
    const found = await duplicatesAcross(all);
    expect(found.map(duplicateText)).toEqual([
      `train: ${at('train/a.png')}, ${at('train/a_again.png')}; test: ${at('test/a.png')} (labels differ)`,
      `train: ${at('train/b.png')}; test: ${at('test/b.webp')}`,
      `train: ${at('train/c.png')}; validation: ${at('validation/c.png')}`,
    ]);
    expect(duplicatesText(found)).toBe(
      'warning: 3 pictures are in more than one split (images: 4 of train, 2 of test, 1 of validation), 1 of them with other labels',
    );
  });

  it('compares files where they are not', async () => {
    const all = await splits(1);
    expect(all.map(({ source }) => source.cached)).toEqual([false, false, false]);
    const found = await duplicatesAcross(all);
    expect(found.map(duplicateText)).toEqual([
      expect.stringMatching(/^train: .*a\.png, .*a_again\.png; test: .*a\.png \(labels differ\)$/),
      expect.stringMatching(/^train: .*broken\.png; test: .*broken\.png$/),
      expect.stringMatching(/^train: .*c\.png; validation: .*c\.png$/),
    ]);
  });

  it.each([1, 1e9])('finds none where there is none, memory %d', async (memoryBytes) => {
    const [train] = await splits(memoryBytes);
    await train!.source.preload();
    expect(await duplicatesAcross([train!])).toEqual([]);
  });

  it('is not misled by pictures that differ in one pixel', async () => {
    const pixels = Buffer.alloc(size * size * 3, 7);
    const image = (name: string, bytes: Uint8Array) =>
      sharp(bytes, { raw: { width: size, height: size, channels: 3 } })
        .png()
        .toFile(at(name));
    await image('train/even.png', pixels);
    // Not among the bytes that are looked at first.
    pixels[1] = 8;
    await image('test/uneven.png', pixels);
    const all = ['train/even.png', 'test/uneven.png'].map((name) => {
      const images = [{ path: at(name), label: 0 }];
      return { name, images, source: imageSource(images, size) };
    });
    for (const { source } of all) await source.preload();
    expect([...all[1]!.source.inMemory(0)!].filter((value) => value !== 7)).toEqual([8]);
    expect(await duplicatesAcross(all)).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const stop = AbortSignal.abort();
    await expect(duplicatesAcross(await splits(1), stop)).rejects.toBe(stop.reason);
  });
});
