import sharp from 'sharp';
import { writeFileSafely } from '../write_file.js';

/** Twice as many pixels as the drawing is wide, for screens and print. */
const pngDensity = 144;

/**
 * Writes a chart as SVG, and beside it as PNG.
 *
 * @param path `….svg`
 * @throws UserError if it cannot be written.
 */
export async function writeChart(path: string, svg: string): Promise<void> {
  await writeFileSafely(path, svg);
  const png = await sharp(Buffer.from(svg), { density: pngDensity }).png().toBuffer();
  await writeFileSafely(path.replace(/svg$/, 'png'), png);
}
