/** From files to the bytes that the network sees. */
import { corrupt, resizeBilinear, type Severity } from 'btn-layers/training';
import { type Damage, damages } from '../protocol.js';

/** RGB, `[size, size, 3]`. */
export interface Picture {
  pixels: Uint8Array;
  size: number;
}

/** Of what is kept of a photograph; the largest network sees 224. */
const mostPixels = 512;

/** Where the square that hides a part of an image lies depends on this and on the image. */
const damageSeed = 1;

/**
 * Decodes an image file, or takes what a camera saw, and cuts the middle square out of it.
 *
 * @throws Error when the browser cannot read it.
 */
export async function decodePicture(name: string, source: Blob | ImageBitmap): Promise<Picture> {
  const bitmap = source instanceof Blob ? await decode(name, source) : source;
  const side = Math.min(bitmap.width, bitmap.height);
  const size = Math.min(side, mostPixels);
  const context = new OffscreenCanvas(size, size).getContext('2d', { willReadFrequently: true })!;
  // What is cut out or drawn for a page is made for a light one.
  context.fillStyle = 'white';
  context.fillRect(0, 0, size, size);
  context.imageSmoothingQuality = 'high';
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  context.drawImage(bitmap, left, top, side, side, 0, 0, size, size);
  bitmap.close();
  return { pixels: withoutAlpha(context.getImageData(0, 0, size, size).data), size };
}

async function decode(name: string, blob: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Error(`${name} is not an image that this browser can read`);
  }
}

/** Resized as the trainer does, then damaged: which part is hidden depends on `id`. */
export function seenBy(
  { pixels, size }: Picture,
  inputSize: number,
  id: number,
  damage: Damage,
): Uint8Array {
  let seen = resizeBilinear(pixels, [size, size], [inputSize, inputSize]);
  for (const kind of damages) {
    if (damage[kind] === 0) continue;
    const severity = damage[kind] as Severity;
    seen = corrupt({ pixels: seen, size: inputSize }, [id], kind, severity, damageSeed);
  }
  return seen;
}

/** For a canvas. */
export function imageDataOf(pixels: Uint8Array, size: number): ImageData {
  const image = new ImageData(size, size);
  for (let i = 0, o = 0; i < pixels.length; i += 3, o += 4) {
    image.data[o] = pixels[i]!;
    image.data[o + 1] = pixels[i + 1]!;
    image.data[o + 2] = pixels[i + 2]!;
    image.data[o + 3] = 255;
  }
  return image;
}

export function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const pixels = new Uint8Array((rgba.length / 4) * 3);
  for (let i = 0, o = 0; i < rgba.length; i += 4, o += 3) {
    pixels[o] = rgba[i]!;
    pixels[o + 1] = rgba[i + 1]!;
    pixels[o + 2] = rgba[i + 2]!;
  }
  return pixels;
}
