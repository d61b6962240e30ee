import sharp from 'sharp';
import type { ImageSource } from '../images/image_source.js';

/**
 * Small pictures of images as the network sees them, as `data:` addresses, about 2 kB each at 80 pixels.
 *
 * @param indices positions in the source.
 * @param side in pixels.
 */
export async function thumbnails(
  source: ImageSource,
  indices: readonly number[],
  side: number,
): Promise<string[]> {
  const { size } = source;
  const { pixels } = await source.read(indices);
  const length = size * size * 3;
  return Promise.all(
    indices.map(async (_, i) => {
      const image = pixels.subarray(i * length, (i + 1) * length);
      const bytes = await sharp(image, { raw: { width: size, height: size, channels: 3 } })
        .resize(side, side)
        .webp({ quality: 75 })
        .toBuffer();
      return `data:image/webp;base64,${bytes.toString('base64')}`;
    }),
  );
}
