import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { count } from '../format.js';
import type { LabelledImage } from './image_folder.js';
import { forEachAtOnce, type ImageSource } from './image_source.js';

/** The images of a split of a data set. */
export interface SplitImages {
  /** Such as `train`. */
  name: string;
  images: readonly LabelledImage[];
  source: ImageSource;
}

/** A file and where it lies. */
interface Placed extends LabelledImage {
  split: string;
}

/** One picture that more than one split has: all its files. */
export type Duplicate = Placed[];

/** How many of its bytes tell an image from nearly all others: only what has these in common is hashed. */
const sampledBytes = 64;
/** How many files are read at once. */
const concurrency = 8;

/**
 * Finds the pictures that more than one split has. A network is tested on what it learnt by heart then.
 *
 * Where all decoded images are in memory, equal means equal pixels at the size of the network's input;
 * else it means equal bytes of the files, of which only those of equal length are read. Files that
 * cannot be read or decoded are passed over: reading them to train on tells of them.
 *
 * @returns in the order of the splits' images.
 */
export async function duplicatesAcross(
  splits: readonly SplitImages[],
  signal?: AbortSignal,
): Promise<Duplicate[]> {
  const inMemory = splits.every(({ source }) => source.cached);
  const placed = splits.flatMap(({ name, images }) =>
    images.map((image) => ({ ...image, split: name })),
  );
  const keys = inMemory ? pixelHashes(placed, splits) : await fileHashes(placed, signal);
  return inSeveralSplits(placed, keys);
}

/** Groups by key of which the files are in more than one split; images without a key are left out. */
function inSeveralSplits(
  placed: readonly Placed[],
  keys: readonly (string | number | undefined)[],
): Duplicate[] {
  const groups = new Map<string | number, Placed[]>();
  for (const [i, image] of placed.entries()) {
    const key = keys[i];
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(image);
    else groups.set(key, [image]);
  }
  return [...groups.values()].filter((group) =>
    group.some(({ split }) => split !== group[0]!.split),
  );
}

function pixelHashes(
  placed: readonly Placed[],
  splits: readonly SplitImages[],
): (string | undefined)[] {
  const pixels = splits.flatMap(({ source }) =>
    Array.from({ length: source.length }, (_, i) => source.inMemory(i)),
  );
  const alike = new Set(
    inSeveralSplits(
      placed,
      pixels.map((each) => each && sampleOf(each)),
    ).flat(),
  );
  return placed.map((image, i) => (alike.has(image) ? sha256(pixels[i]!) : undefined));
}

/** Bytes evenly spaced over an image, as text. */
function sampleOf(pixels: Uint8Array): string {
  const step = pixels.length / sampledBytes;
  return String.fromCharCode(
    ...Array.from({ length: sampledBytes }, (_, i) => pixels[Math.floor(i * step)]!),
  );
}

async function fileHashes(
  placed: readonly Placed[],
  signal: AbortSignal | undefined,
): Promise<(string | undefined)[]> {
  const sizes = new Array<number | undefined>(placed.length);
  await forEachAtOnce([...placed.keys()], concurrency, async (i) => {
    signal?.throwIfAborted();
    const stats = await fs.stat(placed[i]!.path).catch(() => undefined);
    sizes[i] = stats?.size;
  });
  const ofSameSize = new Set(inSeveralSplits(placed, sizes).flat());
  const hashes = new Array<string | undefined>(placed.length);
  await forEachAtOnce([...placed.keys()], concurrency, async (i) => {
    if (!ofSameSize.has(placed[i]!)) return;
    signal?.throwIfAborted();
    const bytes = await fs.readFile(placed[i]!.path).catch(() => undefined);
    hashes[i] = bytes && sha256(bytes);
  });
  return hashes;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/** One line: `train: a.png, b.png; test: c.png`, and whether the labels differ. */
export function duplicateText(duplicate: Duplicate): string {
  const splits = [...new Set(duplicate.map(({ split }) => split))];
  const files = splits.map((name) => {
    const paths = duplicate.filter(({ split }) => split === name).map(({ path }) => path);
    return `${name}: ${paths.join(', ')}`;
  });
  const differ = duplicate.some(({ label }) => label !== duplicate[0]!.label);
  return files.join('; ') + (differ ? ' (labels differ)' : '');
}

/** Such as `warning: 12 pictures are in more than one split (images: 14 of train, 12 of test)`. */
export function duplicatesText(duplicates: readonly Duplicate[]): string {
  const bySplit = new Map<string, number>();
  for (const { split } of duplicates.flat()) bySplit.set(split, (bySplit.get(split) ?? 0) + 1);
  const counts = [...bySplit].map(([name, n]) => `${count(n)} of ${name}`);
  const differing = duplicates.filter((each) => each.some(({ label }) => label !== each[0]!.label));
  const labels =
    differing.length > 0 ? `, ${count(differing.length)} of them with other labels` : '';
  return (
    `warning: ${count(duplicates.length)} ${duplicates.length === 1 ? 'picture is' : 'pictures are'} ` +
    `in more than one split (images: ${counts.join(', ')})${labels}`
  );
}
