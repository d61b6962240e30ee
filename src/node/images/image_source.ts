import { availableParallelism } from 'node:os';
import { ArgumentError } from '../../ops/errors.js';
import { UserError } from '../user_error.js';
import { DecodeError, decodeImage } from './decode_image.js';
import type { LabelledImage } from './image_folder.js';

/** An image that was left out, and why. */
export interface SkippedImage {
  /** The file. */
  path: string;
  /** What is wrong with it. */
  reason: string;
}

/** How `imageSource` decodes. */
export interface ImageSourceOptions {
  /** Fail on the first file that cannot be decoded instead of leaving it out. Default false. */
  strict?: boolean;
  /** Keep the decoded images in memory if all of them take at most this. Default 1.5e9. */
  memoryBytes?: number;
  /** How many files to decode at once. Default: the processors of the machine, at most 8. */
  concurrency?: number;
}

/** Images in the order asked for, without those that were skipped. */
export interface ImageBatch {
  /** RGB. Shape [n, size, size, 3]. */
  pixels: Uint8Array;
  /** 0-based. Shape [n]. */
  labels: Int32Array;
  /** Which images these are: positions in the list that the source was made of. Shape [n]. */
  indices: number[];
  /** The files that this call found out to be unusable. Each file is reported by one call only. */
  skipped: SkippedImage[];
}

/** Images that are decoded when they are asked for. */
export interface ImageSource {
  /** The list that the source was made of. */
  readonly images: readonly LabelledImage[];
  /** The number of images, with those that turn out to be unusable. */
  readonly length: number;
  /** The side of the decoded images in pixels. */
  readonly size: number;
  /** True if decoded images stay in memory, false if each is decoded whenever it is read. */
  readonly cached: boolean;
  /** All the files found unusable so far. */
  readonly skipped: readonly SkippedImage[];
  /** The positions not known to be unusable: what to draw an epoch from. */
  usable(): number[];
  /** The pixels of an image that is in memory, not a copy. Shape [size, size, 3]. */
  inMemory(index: number): Uint8Array | undefined;
  /**
   * Reads images by position; a position may occur more than once. Files already known to be
   * unusable are left out without a word, so that `pixels` may hold fewer images, even none.
   *
   * @param into where to put the pixels, which may be longer. Default: new memory.
   * @throws DecodeError in strict mode, for the first file that cannot be decoded.
   * @throws UserError if no usable image is left in the whole source.
   * @throws ArgumentError for an index that is none, or if `into` is too short.
   */
  read(indices: readonly number[], into?: Uint8Array): Promise<ImageBatch>;
  /**
   * Decodes every image once, so that all unusable files are known before work begins.
   *
   * @param onProgress called with the number of images done.
   * @throws as `read`.
   */
  preload(onProgress?: (done: number) => void): Promise<void>;
}

/**
 * A split of a data set as decoded images of one size.
 *
 * They stay in memory if the whole split fits, else each is decoded when read.
 *
 * @param images such as `imageFolder(…).train`.
 * @param size the side of the decoded images in pixels.
 *
 * @example
 * const { train } = await imageFolder('raf-db', 'RAF-DB');
 * const source = imageSource(train, 112);
 * const { pixels, labels } = await source.read([0, 6]);
 * console.log(pixels.length === 2 * 112 * 112 * 3, labels); // true Int32Array(2) [ 0, 6 ]
 */
export function imageSource(
  images: readonly LabelledImage[],
  size: number,
  {
    strict = false,
    memoryBytes = 1.5e9,
    concurrency = defaultConcurrency(),
  }: ImageSourceOptions = {},
): ImageSource {
  const imageBytes = size * size * 3;
  const cached = images.length * imageBytes <= memoryBytes;
  // The system gives the pages of this when they are first written.
  const cache = cached ? new Uint8Array(images.length * imageBytes) : undefined;
  const inCache = new Uint8Array(cached ? images.length : 0);
  const unusable = new Set<number>();
  const skipped: SkippedImage[] = [];

  /** The pixels of an image, in the cache or else in `place`; undefined if it is unusable, which goes to `found` the first time. */
  async function decode(
    index: number,
    found: SkippedImage[],
    place?: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    if (unusable.has(index)) return undefined;
    const slot = cache && imageAt(cache, index);
    if (slot && inCache[index]) return slot;
    try {
      const pixels = await decodeImage(images[index]!.path, size, slot ?? place);
      if (slot) inCache[index] = 1;
      return pixels;
    } catch (error) {
      if (strict || !(error instanceof DecodeError)) throw error;
      skip(index, error, found);
      return undefined;
    }
  }

  /** The place of an image in memory of several. */
  function imageAt(pixels: Uint8Array, i: number): Uint8Array {
    return pixels.subarray(i * imageBytes, (i + 1) * imageBytes);
  }

  function skip(index: number, { path, reason }: DecodeError, found: SkippedImage[]): void {
    // Two reads at once may both find the same file out.
    if (unusable.has(index)) return;
    unusable.add(index);
    skipped.push({ path, reason });
    found.push({ path, reason });
    if (unusable.size === images.length) {
      throw new UserError(
        'InvalidImage',
        `none of the ${images.length} images can be decoded; the last: ${path}: ${reason}`,
      );
    }
  }

  async function read(indices: readonly number[], into?: Uint8Array): Promise<ImageBatch> {
    const wrong = indices.find((index) => !(Number.isInteger(index) && images[index]));
    if (wrong !== undefined) {
      throw new ArgumentError(`index ${wrong}: expected an integer from 0 to ${images.length - 1}`);
    }
    const pixels = into ?? new Uint8Array(indices.length * imageBytes);
    if (pixels.length < indices.length * imageBytes) {
      throw new ArgumentError(
        `into has ${pixels.length} bytes: expected ${indices.length * imageBytes} or more`,
      );
    }
    const places = indices.map((_, i) => imageAt(pixels, i));
    const found: SkippedImage[] = [];
    const positions = new Map<number, number>();
    for (const [i, index] of indices.entries()) {
      if (!positions.has(index)) positions.set(index, i);
    }
    /** By index, where its pixels are. */
    const decoded = new Map<number, Uint8Array>();
    await forEachAtOnce([...positions], concurrency, async ([index, i]) => {
      const image = await decode(index, found, places[i]);
      if (image) decoded.set(index, image);
    });
    // From the left on, each goes to its place or to the left of it: what is still to go is not written over.
    const kept = indices.filter((index) => decoded.has(index));
    for (const [i, index] of kept.entries()) {
      const image = decoded.get(index)!;
      if (image !== places[i]) places[i]!.set(image);
      decoded.set(index, places[i]!);
    }
    const labels = Int32Array.from(kept, (index) => images[index]!.label);
    return {
      pixels: pixels.subarray(0, kept.length * imageBytes),
      labels,
      indices: kept,
      skipped: found,
    };
  }

  async function preload(onProgress?: (done: number) => void): Promise<void> {
    let done = 0;
    await forEachAtOnce([...images.keys()], concurrency, async (index) => {
      await decode(index, []);
      done += 1;
      onProgress?.(done);
    });
  }

  function usable(): number[] {
    return [...images.keys()].filter((index) => !unusable.has(index));
  }

  function inMemory(index: number): Uint8Array | undefined {
    if (!cache || !inCache[index]) return undefined;
    return imageAt(cache, index);
  }

  return { images, length: images.length, size, cached, skipped, usable, inMemory, read, preload };
}

function defaultConcurrency(): number {
  return Math.min(availableParallelism(), 8);
}

/** Runs `work` on every item, at most `limit` at a time. At the first error it begins no more, and throws when all have ended. */
export async function forEachAtOnce<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const errors: unknown[] = [];
  async function lane(): Promise<void> {
    while (next < items.length && errors.length === 0) {
      try {
        await work(items[next++]!);
      } catch (error) {
        errors.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, limit) }, lane));
  if (errors.length > 0) throw errors[0];
}
