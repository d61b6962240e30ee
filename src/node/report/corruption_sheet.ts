import sharp from 'sharp';
import type { Images } from '../../training/augmentation.js';
import { type Corruption, corrupt, type Severity } from '../../training/corruption.js';

/** A corruption at one strength. */
export interface CorruptionStep {
  /** What is done to an image. */
  corruption: Corruption;
  /** How much of it. */
  severity: Severity;
}

const tileSize = 112;
const gap = 6;
const pitch = tileSize + gap;
const headHeight = 26;
const nameWidth = 92;

/**
 * One image under every corruption of a sweep as a PNG: a row for each corruption, the image as it is,
 * then by severity.
 *
 * @param image One image.
 * @param index Which image it is, and `seed`: as for `corrupt`.
 */
export async function corruptionSheet(
  image: Images,
  index: number,
  steps: readonly CorruptionStep[],
  seed: number,
): Promise<Uint8Array> {
  const rows = [...new Set(steps.map(({ corruption }) => corruption))];
  const columns = [...new Set(steps.map(({ severity }) => severity))];
  const width = nameWidth + (columns.length + 1) * pitch;
  const height = headHeight + rows.length * pitch;
  const place = (column: number, row: number) => ({
    left: nameWidth + column * pitch,
    top: headHeight + row * pitch,
  });
  const heads = ['as it is', ...columns.map((severity) => `severity ${severity}`)];
  const labels = [
    ...heads.map((text, i) => label(text, nameWidth + i * pitch, headHeight - 9)),
    ...rows.map((text, i) => label(text, gap, headHeight + i * pitch + tileSize / 2 + 5)),
  ];
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif" font-size="13">${labels.join('')}</svg>`;
  const tiles = await Promise.all([
    ...rows.map(async (_, row) => ({ input: await tile(image), ...place(0, row) })),
    ...steps.map(async ({ corruption, severity }) => {
      const pixels = corrupt(image, [index], corruption, severity, seed);
      const at = place(columns.indexOf(severity) + 1, rows.indexOf(corruption));
      return { input: await tile({ ...image, pixels }), ...at };
    }),
  ]);
  return sharp({ create: { width, height, channels: 3, background: 'white' } })
    .composite([{ input: Buffer.from(head), left: 0, top: 0 }, ...tiles])
    .png({ compressionLevel: 9 })
    .toBuffer();
}

function label(text: string, x: number, y: number): string {
  return `<text x="${x}" y="${y}">${text}</text>`;
}

function tile({ pixels, size }: Images): Promise<Buffer> {
  return sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .resize(tileSize, tileSize)
    .png()
    .toBuffer();
}
