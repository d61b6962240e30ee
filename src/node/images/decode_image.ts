import { closeSync, constants, fstatSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { ArgumentError } from '../../ops/errors.js';
import { resizeBilinear } from '../../training/resize.js';
import { describeFileError, firstLine, UserError } from '../user_error.js';
import { type DecodedPixels, withSmallJpeg } from './decode_jpeg.js';

/** Beyond any photograph; a larger one would take more than 300 MB to decode. */
const maxPixels = 100_000_000;
const maxFileBytes = 256 * 1024 * 1024;
/** Or opening a pipe would wait for ever. Windows has no such flag, and no such pipes. */
const nonBlocking = constants.O_NONBLOCK ?? 0;
const readAsync = promisify(read);
const formats = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);
const formatNames = 'JPEG, PNG, WebP, GIF, TIFF or AVIF';

/**
 * An image file that cannot be used. The message is `PATH: REASON`.
 *
 * @example
 * try {
 *   await decodeImage('missing.jpg', 224);
 * } catch (error) {
 *   if (error instanceof DecodeError) console.log(error.code, error.path, '-', error.reason);
 *   // InvalidImage missing.jpg - cannot be read: no such file or folder
 * }
 */
export class DecodeError extends UserError {
  override name = 'DecodeError';

  constructor(
    /** The file, or `image` for bytes. */
    readonly path: string,
    /** What is wrong, without the path. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super('InvalidImage', `${path}: ${reason}`, options);
  }
}

/**
 * Decodes an image and resizes it to a square, not keeping its aspect, with the bytes that
 * torchvision's `Resize((size, size))` gives.
 *
 * Grayscale, CMYK and palette images become RGB as PIL's `convert('RGB')` makes them: colour
 * profiles are not applied. Of an animation, the first frame is taken. Three things differ from
 * torchvision's `ImageFolder`, each because that loses the picture:
 * - The rotation in a photo's EXIF data is applied, so that a face is upright. `ImageFolder` leaves
 *   the photo as it is stored.
 * - Transparent parts become white: what is cut out or drawn for a page is made for a light one,
 *   and dark lines would vanish on black. PIL drops alpha, and shows what a drawing program left in
 *   the hidden pixels.
 * - 16-bit greys are scaled to 8 bits. PIL clips them at 255, which whitens nearly everything.
 *
 * @param source a file's path, or its bytes.
 * @param size the side of the result in pixels, 1…4096.
 * @param into where to put the result, whose length it must have. Default: new memory.
 * @returns RGB. Shape [size, size, 3].
 * @throws DecodeError if the file is missing, empty, truncated, damaged, larger than 100 megapixels
 *   or no image; it names the file. ArgumentError for a size out of range, or another length of `into`.
 *
 * @example
 * const size = 112;
 * const pixels = await decodeImage('raf-db/test/4/test_0.png', size);
 * const images = tf.tensor4d(normalise({ pixels, size }), [1, size, size, 3]);
 * console.log(forward(model, images).vit.shape); // [ 1, 7 ]
 */
export async function decodeImage(
  source: string | Uint8Array,
  size: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  if (!Number.isInteger(size) || size < 1 || size > 4096) {
    throw new ArgumentError(`size is ${size}: expected an integer from 1 to 4096`);
  }
  const out = into ?? new Uint8Array(size * size * 3);
  if (out.length !== size * size * 3) {
    throw new ArgumentError(`into has ${out.length} bytes: expected ${size * size * 3}`);
  }
  const path = typeof source === 'string' ? source : 'image';
  const bytes = typeof source === 'string' ? await readImageFile(source) : source;
  if (bytes.length === 0) throw new DecodeError(path, 'the file is empty (0 bytes)');
  const resize = ({ data, info }: DecodedPixels) =>
    resizeBilinear(data, [info.height, info.width], [size, size], out);
  return withSmallJpeg(bytes, resize) ?? resize(await decodePixels(path, bytes));
}

/** Only reading itself goes through the thread pool, where each step takes as long as decoding a small file. */
async function readImageFile(path: string): Promise<Uint8Array> {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | nonBlocking);
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new DecodeError(path, 'it is not a regular file');
    if (stat.size > maxFileBytes) throw new DecodeError(path, 'the file is larger than 256 MB');
    const bytes = new Uint8Array(stat.size);
    const { bytesRead } = await readAsync(file, bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError(path, `cannot be read: ${describeFileError(error)}`, { cause: error });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

async function decodePixels(path: string, bytes: Uint8Array): Promise<DecodedPixels> {
  try {
    // failOn 'error': cut-off or broken pixel data fails; an odd header, which PIL reads, does not.
    const image = sharp(bytes, {
      failOn: 'error',
      limitInputPixels: maxPixels,
      ignoreIcc: true,
      autoOrient: true,
    });
    const { format, space, channels: stored, depth } = await image.metadata();
    checkFormat(path, format);
    if (space === 'cmyk' && stored === 4 && depth === 'uchar') return await decodeCmyk(image);
    const decoded = await image
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { channels } = decoded.info;
    if (channels !== 3) throw new DecodeError(path, `it has ${channels} channels and no colour`);
    return decoded;
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError(path, explain(error), { cause: error });
  }
}

/**
 * CMYK as PIL converts it. Left to itself, libvips goes by a press profile of its own, which dulls
 * every colour, by some 20 of 255 grey levels.
 */
async function decodeCmyk(image: sharp.Sharp): Promise<DecodedPixels> {
  const { data, info } = await image
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data: cmykToRgb(data), info };
}

function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let i = 0, o = 0; i < cmyk.length; i += 4) {
    const light = 255 - cmyk[i + 3]!;
    for (let ink = 0; ink < 3; ink++) {
      rgb[o++] = light - Math.round((cmyk[i + ink]! * light) / 255);
    }
  }
  return rgb;
}

function checkFormat(path: string, format: string): void {
  if (formats.has(format)) return;
  throw new DecodeError(path, `it is ${format.toUpperCase()}: save it as ${formatNames}`);
}

function explain(error: unknown): string {
  const message = firstLine(error);
  if (/unsupported image format/i.test(message)) {
    return `it is not an image, or not one that can be read (${formatNames})`;
  }
  if (/pixel limit/i.test(message)) return 'it has more than 100 megapixels';
  return `the image is truncated or damaged (${message})`;
}
