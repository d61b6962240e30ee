/** Normalising of images, compiled by itself: it has a memory of its own. */

/**
 * Looks up every byte of RGB pixels.
 *
 * @param table `[3, 256]` float32: of each channel, what a byte becomes
 * @param out `[count, 3]` float32
 */
export function normalise(pixels: usize, count: usize, table: usize, out: usize): void {
  const greens = table + 1024;
  const blues = table + 2048;
  for (const end = pixels + 3 * count; pixels < end; pixels += 3, out += 12) {
    store<f32>(out, load<f32>(table + (<usize>load<u8>(pixels)) * 4));
    store<f32>(out, load<f32>(greens + (<usize>load<u8>(pixels, 1)) * 4), 4);
    store<f32>(out, load<f32>(blues + (<usize>load<u8>(pixels, 2)) * 4), 8);
  }
}
