import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { decodeImage, imageFolder, type LabelledImage } from 'btn-layers/node';
import { type Corruption, corrupt, seededRandom, shuffled } from 'btn-layers/training';
import sharp from 'sharp';
import { drawIllustratedFaces } from '../illustrated_faces/draw.js';
import type { Condition, Size } from './plan.js';

const dataType = 'RAF-DB';
const seed = 1;
const imageSize = 112;
/** Of a training label to be wrong. */
export const wrongPart = 0.3;
/** A square that hides 20 % of the picture; 28 pixels a side. */
const severity = 3;

export type DataSize = Pick<Size, 'trainPerClass' | 'testPerClass'>;

/** Where the data set of a condition is. */
export function dataFolder(
  root: string,
  condition: Condition,
  { trainPerClass, testPerClass }: DataSize,
): string {
  return join(root, `${trainPerClass}_${testPerClass}`, condition.replaceAll(' ', '_'));
}

/** Draws the faces and makes the other data sets of them, where they are not yet there. */
export async function makeData(root: string, size: DataSize): Promise<void> {
  const clean = dataFolder(root, 'clean', size);
  const { reused } = await drawIllustratedFaces({ out: clean, dataType, seed, ...size });
  const make = async (condition: Condition, write: (out: string) => Promise<void>) => {
    const out = dataFolder(root, condition, size);
    if (reused && (await exists(out))) return;
    const draft = `${out}.draft`;
    for (const folder of [draft, out]) await rm(folder, { recursive: true, force: true });
    await write(draft);
    await rename(draft, out);
  };
  await make('wrong labels', (out) => mislabel(clean, out));
  await make('occluded', (out) => corruptAll(clean, out, 'occlusion'));
  await make('low resolution', (out) => corruptAll(clean, out, 'resolution'));
}

/** Of each class, `wrongPart` of the training pictures go to other classes, each as likely. */
async function mislabel(from: string, out: string): Promise<void> {
  const { train, test, classNames } = await imageFolder(from, dataType);
  const labels = wrongLabels(
    train.map(({ label }) => label),
    classNames.length,
  );
  await inParallel(
    [
      ...train.map(({ path, label }, i) => ({
        path,
        to: join(out, 'train', `${labels[i]! + 1}`, `${label + 1}_${basename(path)}`),
      })),
      ...test.map((image) => ({ path: image.path, to: placeOf(out, 'test', image) })),
    ],
    ({ path, to }) => copyFile(path, to),
  );
}

/** @returns the labels, of which `wrongPart` of each class, rounded, are another class's. */
export function wrongLabels(labels: readonly number[], numClasses: number): number[] {
  const result = [...labels];
  for (const label of new Set(labels)) {
    const members = [...labels.keys()].filter((index) => labels[index] === label);
    const chosen = shuffled(members, seed, label).slice(0, Math.round(wrongPart * members.length));
    const random = seededRandom(seed, label);
    for (const index of chosen) {
      result[index] = (label + 1 + random.integer(numClasses - 1)) % numClasses;
    }
  }
  return result;
}

/** Corrupts the pictures of both splits, without loss (PNG). */
async function corruptAll(from: string, out: string, corruption: Corruption): Promise<void> {
  const splits = await imageFolder(from, dataType);
  // Every picture has its own index, so that no two have the same square.
  const jobs = (['train', 'test'] as const)
    .flatMap((split) => splits[split].map((image) => ({ split, image })))
    .map(({ split, image }, index) => ({
      path: image.path,
      index,
      to: placeOf(out, split, image),
    }));
  await inParallel(jobs, async ({ path, index, to }) => {
    const images = { pixels: await decodeImage(path, imageSize), size: imageSize };
    const pixels = corrupt(images, [index], corruption, severity, seed);
    const raw = { width: imageSize, height: imageSize, channels: 3 } as const;
    await sharp(pixels, { raw })
      .png()
      .toFile(to.replace(/\.jpg$/, '.png'));
  });
}

function placeOf(out: string, split: string, { path, label }: LabelledImage): string {
  return join(out, split, `${label + 1}`, basename(path));
}

async function inParallel<Job extends { to: string }>(
  jobs: readonly Job[],
  run: (job: Job) => Promise<void>,
): Promise<void> {
  for (const folder of new Set(jobs.map(({ to }) => dirname(to)))) {
    await mkdir(folder, { recursive: true });
  }
  await Promise.all(jobs.map(run));
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
