import { type Dirent, promises as fs } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { classNamesOf, type DataType, dataTypes, isDataType } from '../../training/data_types.js';
import { plural, shortened } from '../format.js';
import { describeFileError, errorCode, UserError } from '../user_error.js';
import { checkLabels, labelNames, labelOf } from './folder_labels.js';

/** A part of a data set, by the name of its folder. */
export type Split = 'train' | 'test';

/** One image file and its class: `label` counts from 0, `classNames[label]` is its name. */
export interface LabelledImage {
  /** The file. */
  path: string;
  /** From 0 on. */
  label: number;
}

/** Images by split, as `imageFolder` finds them. */
export interface ImageFolder {
  /** The folder that was given. */
  root: string;
  /** The data set that was given. */
  dataType: DataType;
  /** In label order. */
  classNames: readonly string[];
  /** Sorted by label, then by file name; empty if the split was not asked for. */
  train: LabelledImage[];
  /** As `train`. */
  test: LabelledImage[];
  /** How many visible files were left out because they are not images. */
  ignored: number;
}

/** What `imageFolder` looks for. */
export interface ImageFolderOptions {
  /** The splits that must be there; the others are not looked at. Default: both. */
  splits?: readonly Split[];
}

const splitFolders: Record<Split, readonly string[]> = {
  train: ['train'],
  test: ['test', 'valid', 'val'],
};

/** Includes kinds that cannot be decoded, so that they are reported rather than passed over. */
const imageExtensions = new Set(
  '.jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .avif .heic .bmp .svg'.split(' '),
);

/**
 * Lists the images of a data set laid out as `train/LABEL/*` and `test/LABEL/*`.
 *
 * LABEL is 1…C in the order of `classNamesOf(dataType)`, or a class name (upper or lower case,
 * `happy` for `happiness` and the like). `valid/` or `val/` stands in where there is no `test/`.
 * The order is the same on every machine. Hidden files are passed over. A class of the test split
 * may have an empty folder; a class to train on may not.
 *
 * @throws UserError if a folder is missing, empty or a file, or if the label folders are not those
 *   of `dataType` (naming the data type that would fit).
 *
 * @example
 * const { train, classNames } = await imageFolder('raf-db', 'RAF-DB');
 * console.log(train.length, classNames[train[0].label]); // 7 surprise
 */
export async function imageFolder(
  dir: string,
  dataType: DataType,
  { splits = ['train', 'test'] }: ImageFolderOptions = {},
): Promise<ImageFolder> {
  if (!isDataType(dataType)) {
    throw new UserError(
      'InvalidSettings',
      `unknown data type ${JSON.stringify(dataType)}: expected ${Object.keys(dataTypes).join(', ')}`,
    );
  }
  const folders = await splitPaths(dir, splits);
  const found: Record<Split, LabelledImage[]> = { train: [], test: [] };
  let ignored = 0;
  for (const [split, path] of folders) {
    const listed = await listSplit(path, split, dataType);
    found[split] = listed.images;
    ignored += listed.ignored;
  }
  return { root: dir, dataType, classNames: classNamesOf(dataType), ...found, ignored };
}

/** Finds the folder of each split that is needed. */
async function splitPaths(root: string, splits: readonly Split[]): Promise<Map<Split, string>> {
  const entries = await listFolder(root);
  if (entries.length === 0) {
    throw new UserError(
      'InvalidData',
      `${root} is empty: expected ${splits.map(expectedLayout).join(' and ')}`,
    );
  }
  const byName = new Map(entries.map((entry) => [entry.name.toLowerCase(), entry]));
  const paths = new Map<Split, string>();
  const missing: Split[] = [];
  for (const split of splits) {
    const name = splitFolders[split].find((candidate) => byName.has(candidate));
    if (name === undefined) missing.push(split);
    else paths.set(split, join(root, byName.get(name)!.name));
  }
  if (missing.length > 0) {
    throw new UserError(
      'InvalidData',
      `${root} has no ${missing.join(' and no ')} folder: ` +
        `expected ${missing.map(expectedLayout).join(' and ')}; found ${listNames(entries)}`,
    );
  }
  return paths;
}

function expectedLayout(split: Split): string {
  const others = splitFolders[split].slice(1).map((name) => `${name}/`);
  return `${split}/LABEL/*.jpg${others.length > 0 ? ` (or ${others.join(', ')})` : ''}`;
}

async function listSplit(path: string, split: Split, dataType: DataType) {
  const entries = await listFolder(path);
  const folders: string[] = [];
  let ignored = 0;
  let looseImages = 0;
  for (const entry of entries) {
    if (await isFolder(path, entry)) folders.push(entry.name);
    else if (labelOf(entry.name, dataType) !== undefined) throw notAFolder(join(path, entry.name));
    else if (isImageName(entry.name)) looseImages += 1;
    else ignored += 1;
  }
  if (looseImages > 0) throw imagesOutsideLabels(path, looseImages, dataType);
  const labels = checkLabels(path, folders, dataType);
  const images: LabelledImage[] = [];
  for (const [label, folder] of labels.entries()) {
    const listed = await listImages(join(path, folder), label);
    if (listed.images.length === 0 && split === 'train') {
      throw new UserError(
        'InvalidData',
        `${join(path, folder)} has no images: every class needs some to train on`,
      );
    }
    images.push(...listed.images);
    ignored += listed.ignored;
  }
  if (images.length === 0)
    throw new UserError('InvalidData', `${path} has no images in its label folders`);
  return { images, ignored };
}

async function listImages(path: string, label: number) {
  const images: LabelledImage[] = [];
  let ignored = 0;
  for (const entry of await listFolder(path)) {
    const file = join(path, entry.name);
    // Images in a folder below would be lost without a word.
    if (await isFolder(path, entry)) {
      throw new UserError(
        'InvalidData',
        `${file} is a folder inside a label folder: move its images up or away`,
      );
    }
    if (isImageName(entry.name)) images.push({ path: file, label });
    else ignored += 1;
  }
  return { images, ignored };
}

/** The visible entries of a folder in code-unit order (a locale's order differs by machine). */
async function listFolder(path: string): Promise<Dirent[]> {
  try {
    const entries = await fs.readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.name.startsWith('.'))
      .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') throw notAFolder(path);
    throw new UserError(
      'InvalidData',
      `cannot read the folder ${path}: ${describeFileError(error)}`,
    );
  }
}

async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await fs.stat(join(parent, entry.name)).catch(() => undefined);
  return target?.isDirectory() ?? false;
}

function isImageName(name: string): boolean {
  return imageExtensions.has(extname(name).toLowerCase());
}

function notAFolder(path: string): UserError {
  return new UserError('InvalidData', `${path} is a file, but a folder is expected there`);
}

function imagesOutsideLabels(path: string, count: number, dataType: DataType): UserError {
  return new UserError(
    'InvalidData',
    `${path} holds ${count} ${plural(count, 'image')} outside any label folder: ` +
      `put each into ${basename(path)}/LABEL (${labelNames(dataType)})`,
  );
}

function listNames(entries: readonly Dirent[]): string {
  return shortened(entries.map((entry) => entry.name));
}
