/** Draws one row of faces for each class: `npx tsx examples/illustrated_faces/contact_sheet.ts`. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { classNamesOf, type DataType } from 'btn-layers/training';
import sharp from 'sharp';
import { isDrawnClass } from './expressions.js';
import type { Split } from './people.js';
import { pictureAt, takePicture } from './picture.js';

type ContactSheetOptions = {
  dataType: DataType;
  split: Split;
  seed: number;
  columns: number;
  size: number;
};

/** The sheet as a PNG pipeline: what the data set of these options holds, class by class. */
async function contactSheet(options: ContactSheetOptions): Promise<sharp.Sharp> {
  const { dataType, split, seed, columns, size } = options;
  const nameWidth = 96;
  const gap = 4;
  const pitch = size + gap;
  const classNames = classNamesOf(dataType);
  const tiles: sharp.OverlayOptions[] = [];
  for (const [row, className] of classNames.entries()) {
    if (!isDrawnClass(className)) throw new Error(`No face is drawn for the class ${className}`);
    const name = `<svg xmlns="http://www.w3.org/2000/svg" width="${nameWidth}" height="${size}"><text x="6" y="${size / 2 + 5}" font-family="sans-serif" font-size="15">${className}</text></svg>`;
    tiles.push({ input: Buffer.from(name), left: 0, top: row * pitch });
    for (let column = 0; column < columns; column++) {
      const picture = pictureAt(seed, split, className, column);
      const input = await takePicture(picture, size).toBuffer();
      tiles.push({ input, left: nameWidth + column * pitch, top: row * pitch });
    }
  }
  return sharp({
    create: {
      width: nameWidth + columns * pitch - gap,
      height: classNames.length * pitch - gap,
      channels: 3,
      background: '#fff',
    },
  })
    .composite(tiles)
    .png({ palette: true, colors: 160, compressionLevel: 9, effort: 10 });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      split: { type: 'string', default: 'test' },
      seed: { type: 'string', default: '1' },
      columns: { type: 'string', default: '10' },
      size: { type: 'string', default: '96' },
      out: { type: 'string', default: 'docs/images/illustrated_faces' },
    },
  });
  await mkdir(dirname(values.out), { recursive: true });
  for (const dataType of ['RAF-DB', 'AffectNet-8'] as const) {
    const sheet = await contactSheet({
      dataType,
      split: values.split === 'train' ? 'train' : 'test',
      seed: Number(values.seed),
      columns: Number(values.columns),
      size: Number(values.size),
    });
    const path = `${values.out}_${classNamesOf(dataType).length}.png`;
    const { width, height, size } = await sheet.toFile(path);
    console.log(`${path}: ${width}x${height}, ${Math.round(size / 1000)} kB`);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
