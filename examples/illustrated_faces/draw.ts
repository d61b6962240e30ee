import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { classNamesOf, type DataType, dataTypes, isDataType } from 'btn-layers/training';
import { type ClassName, expressions, isDrawnClass } from './expressions.js';
import type { Split } from './people.js';
import { drawSvg, pictureAt, takePicture } from './picture.js';

export type DrawOptions = {
  /** The folder to make: it gets `train/1..7`, `test/1..7` (8 with contempt) and `dataset.json`. */
  out: string;
  /** Which classes, and in which order their folders are numbered. Default 'RAF-DB'. */
  dataType?: DataType;
  /** Pictures of each class. Default 200. */
  trainPerClass?: number;
  /** Pictures of each class, of people who are in no training picture. Default 40. */
  testPerClass?: number;
  /** The same seed draws the same pictures. Default 1. */
  seed?: number;
  /** Width and height in pixels. Default 112, the input of the authors' models. */
  size?: number;
  onProgress?: (done: number, total: number) => void;
};

export type DrawnFaces = {
  /** Pictures in all classes together. */
  train: number;
  test: number;
  /** True when the folder already held this very data set, and nothing was drawn. */
  reused: boolean;
};

/** `dataset.json`: written last, so a folder that has it is whole. */
type Description = {
  format: 'illustrated-faces';
  /** Changes when this program, or DiceBear, would draw other pictures for the same options. */
  drawing: string;
  dataType: DataType;
  classNames: readonly ClassName[];
  trainPerClass: number;
  testPerClass: number;
  seed: number;
  size: number;
  licences: readonly string[];
};

const splits = ['train', 'test'] as const;

const descriptionFile = 'dataset.json';

/** Of the table of faces, and of the first pictures of each class as they are before sharp renders them. */
function drawingOf(classNames: readonly ClassName[], seed: number, size: number): string {
  const hash = createHash('sha256').update(JSON.stringify(expressions));
  for (const split of splits) {
    for (const className of classNames) {
      for (let index = 0; index < 8; index++) {
        const { person, face, shot } = pictureAt(seed, split, className, index);
        hash.update(drawSvg(person, face, shot, size)).update(JSON.stringify(shot));
      }
    }
  }
  return hash.digest('hex').slice(0, 16);
}

const licences = [
  'Open Peeps by Pablo Stanley, https://www.openpeeps.com/, CC0 1.0',
  'Avataaars by Pablo Stanley, https://avataaars.com/, free for personal and commercial use',
  'Both as remixed in DiceBear 9, https://www.dicebear.com/, code MIT',
];

function checkCount(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`${name} is ${value}, expected a whole number from ${low} to ${high}`);
  }
}

function describe(options: DrawOptions): Description {
  const {
    dataType = 'RAF-DB',
    trainPerClass = 200,
    testPerClass = 40,
    seed = 1,
    size = 112,
  } = options;
  if (typeof options.out !== 'string' || options.out === '') {
    throw new TypeError(`out is ${JSON.stringify(options.out)}, expected the path of a folder`);
  }
  if (!isDataType(dataType)) {
    const known = Object.keys(dataTypes).join(', ');
    throw new RangeError(`dataType is ${JSON.stringify(dataType)}, expected one of ${known}`);
  }
  checkCount('trainPerClass', trainPerClass, 1, 99_999);
  checkCount('testPerClass', testPerClass, 1, 99_999);
  checkCount('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  checkCount('size', size, 16, 1024);
  const classNames = classNamesOf(dataType).map((name) => {
    if (!isDrawnClass(name))
      throw new Error(`dataType is ${dataType}: no face is drawn for ${name}`);
    return name;
  });
  return {
    format: 'illustrated-faces',
    drawing: drawingOf(classNames, seed, size),
    dataType,
    classNames,
    trainPerClass,
    testPerClass,
    seed,
    size,
    licences,
  };
}

const perClass = (description: Description, split: Split) =>
  split === 'train' ? description.trainPerClass : description.testPerClass;

type Found = 'nothing' | 'this' | 'another';

/** What is at `out`. Throws unless it may be replaced: it is empty, or a data set of ours and nothing else. */
async function inspect(out: string, wanted: Description): Promise<Found> {
  let entries: string[];
  try {
    entries = await readdir(out);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return 'nothing';
    if (code === 'ENOTDIR') throw new Error(`out is ${out}, which is a file, expected a folder`);
    throw error;
  }
  if (entries.length === 0) return 'nothing';
  const text = await readFile(join(out, descriptionFile), 'utf8').catch(() => '');
  const strangers = entries.filter((entry) => ![descriptionFile, ...splits].includes(entry));
  if (!text.includes('"illustrated-faces"') || strangers.length > 0) {
    const why = strangers.length > 0 ? `it holds ${strangers[0]}` : `it has no ${descriptionFile}`;
    throw new Error(
      `out is ${out}, which was not drawn by this program (${why}): give an empty or a new folder`,
    );
  }
  if (text !== serialize(wanted)) return 'another';
  // The description says what was drawn, the folders what has been left of it.
  for (const split of splits) {
    for (const [label] of wanted.classNames.entries()) {
      const files = await readdir(join(out, split, `${label + 1}`)).catch(() => []);
      if (files.length !== perClass(wanted, split)) return 'another';
    }
  }
  return 'this';
}

const serialize = (description: Description) => `${JSON.stringify(description, null, 2)}\n`;

type Job = { split: Split; className: ClassName; index: number; path: string };

async function layOut(root: string, description: Description): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const split of splits) {
    for (const [label, className] of description.classNames.entries()) {
      const folder = join(root, split, `${label + 1}`);
      await mkdir(folder, { recursive: true });
      for (let index = 0; index < perClass(description, split); index++) {
        const path = join(folder, `${split}_${`${index + 1}`.padStart(5, '0')}.jpg`);
        jobs.push({ split, className, index, path });
      }
    }
  }
  return jobs;
}

/**
 * Draws a labelled data set of illustrated faces in the authors' folder layout.
 *
 * The pictures depend on `seed`, `size` and the counts alone; the same bytes come out again wherever the same
 * sharp renders them. They are drawn beside `out` and moved there when all are done, so a drawing that was
 * interrupted leaves nothing at `out`. A folder that already holds this data set is kept as it is; one that holds
 * another of ours is replaced; any other is refused with an error.
 */
export async function drawIllustratedFaces(options: DrawOptions): Promise<DrawnFaces> {
  const description = describe(options);
  const { classNames, seed, size, trainPerClass, testPerClass } = description;
  const train = trainPerClass * classNames.length;
  const test = testPerClass * classNames.length;
  const out = resolve(options.out);
  const found = await inspect(out, description);
  if (found === 'this') return { train, test, reused: true };

  const draft = `${out}.drawing-${randomUUID().slice(0, 8)}`;
  await mkdir(dirname(out), { recursive: true });
  try {
    const jobs = await layOut(draft, description);
    let next = 0;
    let done = 0;
    const draw = async (job: (typeof jobs)[number]) => {
      const picture = pictureAt(seed, job.split, job.className, job.index);
      await takePicture(picture, size).toFile(job.path);
      options.onProgress?.(++done, jobs.length);
    };
    const lane = async () => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
        await draw(job).catch((error: unknown) => {
          next = jobs.length; // One that fails ends them all.
          throw error;
        });
      }
    };
    // Two lanes a core: while one waits for the disk, the other renders.
    const lanes = Array.from({ length: 2 * availableParallelism() }, lane);
    // All lanes end before the draft may be deleted: one that still writes would put a file back.
    await Promise.allSettled(lanes);
    await Promise.all(lanes);
    await writeFile(join(draft, descriptionFile), serialize(description));
    await rm(out, { recursive: true, force: true });
    await rename(draft, out);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  return { train, test, reused: false };
}
