import type { JpegDecoder } from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';

/** Beyond, sharp is as fast, and decodes in threads. */
const maxPixels = 400 * 400;
const maxBytes = 2 ** 20;

let decoder: Promise<JpegDecoder> | undefined;

/** As sharp gives them. */
export interface DecodedPixels {
  /** RGB. Shape [info.height, info.width, 3]. */
  data: Uint8Array;
  info: { width: number; height: number };
}

/**
 * Decodes a small plain JPEG, a face crop of a data set as a rule, with libjpeg-turbo in WebAssembly:
 * sharp's bytes, in half its time, which for a small file goes into setting up a pipeline. Blocks of a
 * damaged file that libjpeg-turbo takes for sound may differ: absurd values overflow in native code.
 *
 * @param use What to do with the pixels, at once: they lie where the next image will.
 * @returns What `use` returns; undefined for what sharp shall read or refuse: all that is large, no JPEG, damaged, grey,
 *   CMYK, or has EXIF data, in which a rotation may stand.
 */
export async function withSmallJpeg<T>(
  bytes: Uint8Array,
  use: (decoded: DecodedPixels) => T,
): Promise<T | undefined> {
  if (!isPlainJpeg(bytes)) return undefined;
  decoder ??= startDecoder();
  const decoded = decodeWith(await decoder, bytes);
  return decoded && use(decoded);
}

function isPlainJpeg(bytes: Uint8Array): boolean {
  if (bytes.length > maxBytes || bytes[0] !== 0xff || bytes[1] !== 0xd8 || bytes[2] !== 0xff) {
    return false;
  }
  return !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('Exif\0', 0, 'latin1');
}

async function startDecoder(): Promise<JpegDecoder> {
  const turbo = await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs');
  const { JPEGDecoder } = await turbo.default();
  return new JPEGDecoder();
}

function decodeWith(jpeg: JpegDecoder, bytes: Uint8Array): DecodedPixels | undefined {
  try {
    jpeg.getEncodedBuffer(bytes.length).set(bytes);
    jpeg.readHeader();
    const { width, height, componentCount } = jpeg.getFrameInfo();
    if (width * height > maxPixels || componentCount !== 3) return undefined;
    jpeg.decode();
    return { data: jpeg.getDecodedBuffer(), info: { width, height } };
  } catch {
    decoder = undefined; // After an error it keeps memory.
    return undefined;
  }
}
