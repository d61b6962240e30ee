import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { classNamesOf, type DataType } from '../../src/training/data_types.js';

/**
 * Draws the smallest data set that can be trained on: `train/1…C` and `test/1…C` with a picture or more
 * each, stripes whose width and colour tell the class. Those to test on are a little lighter.
 */
export async function drawSmallData(
  dir: string,
  { dataType = 'RAF-DB' as DataType, trainPerClass = 1, testPerClass = 1 } = {},
): Promise<string> {
  const jobs: Promise<unknown>[] = [];
  for (const [split, perClass] of Object.entries({ train: trainPerClass, test: testPerClass })) {
    for (const label of classNamesOf(dataType).keys()) {
      const folder = join(dir, split, `${label + 1}`);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < perClass; i++) {
        jobs.push(
          stripes(label, split === 'test' ? i + 0.5 : i)
            .png()
            .toFile(join(folder, `${split}_${i}.png`)),
        );
      }
    }
  }
  await Promise.all(jobs);
  return dir;
}

const size = 56;

/** A picture of one class; `variant` moves its stripes and makes the dark ones lighter. */
export function stripes(label: number, variant = 0): sharp.Sharp {
  const pixels = Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const [x, channel] = [Math.floor(i / 3) % size, i % 3];
    const light = Math.floor((x + variant) / (label + 2)) % 2 === 0;
    return light ? 220 - 20 * label * Number(channel === label % 3) : 40 + 10 * variant;
  });
  return sharp(pixels, { raw: { width: size, height: size, channels: 3 } });
}
