/**
 * Draws the faces that come with the page: `npx tsx examples/browser/draw_faces.ts`.
 *
 * A sheet for training and one, of other people, to choose from; a row for each class.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { classNamesOf } from 'btn-layers/training';
import sharp from 'sharp';
import { isDrawnClass } from '../illustrated_faces/expressions.js';
import type { Split } from '../illustrated_faces/people.js';
import { pictureAt, takePicture } from '../illustrated_faces/picture.js';

const seed = 1;
const size = 112;
const perClass: Record<Split, number> = { train: 48, test: 12 };
const classNames = classNamesOf('RAF-DB');
const folder = fileURLToPath(new URL('public/faces', import.meta.url));

async function drawSheet(split: Split): Promise<void> {
  const columns = perClass[split];
  const tiles: sharp.OverlayOptions[] = [];
  for (const [row, className] of classNames.entries()) {
    if (!isDrawnClass(className)) throw new Error(`no face is drawn for the class ${className}`);
    for (let column = 0; column < columns; column++) {
      const picture = pictureAt(seed, split, className, column);
      const input = await takePicture(picture, size).toBuffer();
      tiles.push({ input, left: column * size, top: row * size });
    }
  }
  const sheet = { width: columns * size, height: classNames.length * size, channels: 3 as const };
  const { size: bytes } = await sharp({ create: { ...sheet, background: '#fff' } })
    .composite(tiles)
    .webp({ quality: 75, effort: 6 })
    .toFile(join(folder, `${split}.webp`));
  console.log(`${split}.webp: ${tiles.length} faces, ${Math.round(bytes / 1000)} kB`);
}

for (const split of ['train', 'test'] as const) await drawSheet(split);
await writeFile(join(folder, 'faces.json'), `${JSON.stringify({ classNames, size, seed })}\n`);
