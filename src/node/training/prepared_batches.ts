import { type Augmentation, augment } from '../../training/augmentation.js';
import type { ImageBatch, ImageSource } from '../images/image_source.js';
import { inOrder } from '../images/in_order.js';

/** A batch, also as the network takes it. */
export interface PreparedBatch extends ImageBatch {
  /** Augmented and normalised. Shape [n, size, size, 3]. */
  values: Float32Array;
}

/**
 * Reads and augments batches of an epoch, each while the one before is worked on.
 *
 * @param draws Of each batch, what the augmentation of its images is drawn from: the image's index, and so many times the
 *   number of images more as it came before in the epoch.
 * @returns Batches in memory that is used again: what was yielded holds until the next one is asked for.
 */
export function preparedBatches(
  source: ImageSource,
  draws: readonly (readonly number[])[],
  augmentation: Augmentation,
  seed: number,
  epoch: number,
): AsyncGenerator<PreparedBatch> {
  const { size } = source;
  const most = draws.reduce((length, batch) => Math.max(length, batch.length), 0);
  const memory = [0, 1].map(() => batchMemory(most, size));
  // One batch is worked on and one prepared at a time.
  return inOrder(draws.length, 1, async (i) => {
    const { pixels, values } = memory[i % 2]!;
    const planned = draws[i]!.map((draw) => draw % source.length);
    const batch = await source.read(planned, pixels);
    const held = heldDraws(batch, draws[i]!, source.length);
    const images = { pixels: batch.pixels, size };
    return { ...batch, values: augment(images, held, augmentation, seed, epoch, values) };
  });
}

/** Room for a batch as it is decoded, and as the network takes it. */
function batchMemory(images: number, size: number): { pixels: Uint8Array; values: Float32Array } {
  const length = images * size * size * 3;
  return { pixels: new Uint8Array(length), values: new Float32Array(length) };
}

/** The draws of the images that a batch holds: all of the plan but those that were skipped. */
function heldDraws({ indices }: ImageBatch, planned: readonly number[], images: number): number[] {
  let at = 0;
  return indices.map((index) => {
    while (planned[at]! % images !== index) at++;
    return planned[at++]!;
  });
}
