import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { classBarsSvg } from '../charts/class_bars_svg.js';
import { confusionMatrixSvg } from '../charts/confusion_matrix_svg.js';
import { curvesSvg, type EpochRecord } from '../charts/curves_svg.js';
import { writeChart } from '../charts/write_chart.js';
import { type Duplicate, duplicateText } from '../images/duplicates.js';
import { classReportTable, type Evaluation } from '../report/report.js';
import { errorCode, UserError } from '../user_error.js';
import { cannotWrite, makeFolder, writeFileSafely } from '../write_file.js';

/** One line of `log.jsonl`. */
export interface EpochLog extends EpochRecord {
  /** At the epoch's end. */
  learningRate: number;
  /** Of the images that choose the best epoch: the held-out ones if there are any, else the test split. */
  meanClassAccuracy: number | null;
  /** Of training alone. */
  seconds: number;
  /** Of training alone. */
  imagesPerSecond: number;
}

/** Paths of a run. */
export interface RunFolder {
  /** The run's own folder, which holds all of them. */
  out: string;
  /** The settings, as JSON. */
  config: string;
  /** An `EpochLog` a line, as JSON. */
  log: string;
  /**
   * Folder of the newest checkpoint: after the last epoch, or where training was interrupted. The ones
   * before are in `last.1`, `last.2`, …
   */
  last: string;
  /** Folder of the checkpoint of the best epoch. */
  best: string;
  /** Loss, accuracy and learning rate by epoch, as SVG. */
  curves: string;
  /** All there is to see of the run, as a page with pictures. */
  page: string;
  /** The reliability diagram of the best epoch. */
  calibration: string;
  /** Files that could not be used, where there are any. */
  skipped: string;
  /** Images that more than one split has, where there are any. */
  duplicates: string;
  /** Files of the batch at which the loss exploded, if it did. */
  divergedBatch: string;
}

/** Paths of an evaluation. Beside each SVG lies a PNG of the same name. */
export interface ReportFiles {
  /** Per-class and overall accuracy as text. */
  report: string;
  /** The matrix as a picture. */
  confusionMatrix: string;
  /** Precision, recall and F1 of each class as a picture. */
  classes: string;
}

export function runFolder(out: string): RunFolder {
  const at = (name: string) => join(out, name);
  return {
    out,
    config: at('config.json'),
    log: at('log.jsonl'),
    last: at('last'),
    best: at('best'),
    curves: at('curves.svg'),
    page: at('report.html'),
    calibration: at('calibration.svg'),
    skipped: at('skipped.txt'),
    duplicates: at('duplicates.txt'),
    divergedBatch: at('diverged_batch.txt'),
  };
}

/** Such as `runs/raf-db-tiny-20250131-142530`. */
export function newRunName({ dataType, preset }: { dataType: string; preset: string }): string {
  const [day, time] = new Date()
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .split('T');
  return join('runs', `${dataType.toLowerCase()}-${preset}-${day}-${time}`);
}

/** Folders of checkpoints. */
const checkpointEntries = /^(last|best)(\.\d+)?(\.damaged)?$/;
/** Files that are there when a run came to nothing, and that its next attempt replaces. */
const firstEntries = /^(config\.json|duplicates\.txt|diverged_batch\.txt)$/;
const reportEntries =
  /^(report|skipped|log|curves|confusion_matrix|classes|calibration)\.(jsonl|txt|svg|png|html)$/;
/** Of a save that was cut short. */
const unfinishedEntries = /\.[0-9a-f]{12}\.tmp$|^(last|best)\.(new|old)$/;

/**
 * Makes a run's folder and writes `config.json` into it.
 *
 * @throws UserError when it cannot be written, or holds a run that would be lost.
 */
export async function createRun(out: string, config: object): Promise<RunFolder> {
  const folder = runFolder(out);
  await makeFolder(out);
  const entries = (await fs.readdir(out)).filter((name) => !unfinishedEntries.test(name));
  const checkpoints = entries.filter((name) => checkpointEntries.test(name));
  const lost = [...checkpoints, ...entries.filter((name) => reportEntries.test(name))];
  if (lost.length > 0) {
    const [found, instead] =
      checkpoints.length > 0
        ? ['a run', `continue it with --resume ${out}`]
        : [lost.join(', '), 'remove what a run would replace'];
    throw new UserError(
      'CannotWrite',
      `${out} already holds ${found}: ${instead}, or choose another --out`,
    );
  }
  await removeEntries(out, (name) => unfinishedEntries.test(name) || firstEntries.test(name));
  await writeConfig(folder, config);
  return folder;
}

/** Makes a run's own folder ready to go on in, without what a save that was cut short left. */
export async function reopenRun(folder: RunFolder, config: object): Promise<void> {
  await makeFolder(folder.out);
  await removeEntries(folder.out, (name) => unfinishedEntries.test(name));
  await writeConfig(folder, config);
}

async function removeEntries(dir: string, matches: (name: string) => boolean): Promise<void> {
  for (const name of (await fs.readdir(dir)).filter(matches)) {
    await fs.rm(join(dir, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * Makes the folder of an evaluation's report.
 *
 * @throws UserError when it cannot be written, or holds a run, which has a report of its own.
 */
export async function makeReportFolder(out: string): Promise<void> {
  await makeFolder(out);
  if ((await fs.readdir(out)).includes('config.json')) {
    throw new UserError(
      'CannotWrite',
      `${out} holds a run, whose report would be lost: choose another --out`,
    );
  }
}

/** Takes away what a run that failed at once made, unless it holds what tells why. */
export async function removeRun({ out, divergedBatch }: RunFolder): Promise<void> {
  const entries = await fs.readdir(out).catch(() => []);
  const tells = entries.some(
    (name) => !firstEntries.test(name) || join(out, name) === divergedBatch,
  );
  if (tells) return;
  await removeEntries(out, (name) => firstEntries.test(name));
  await fs.rmdir(out).catch(() => undefined);
}

/** Copies a checkpoint; it appears whole. @throws UserError when it cannot be written. */
export async function copyCheckpoint(from: string, to: string): Promise<void> {
  const fresh = `${to}.new`;
  try {
    await fs.cp(from, fresh, { recursive: true });
    await fs.rename(fresh, to);
  } catch (error) {
    await fs.rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    throw cannotWrite(to, error);
  }
}

/**
 * Moves a damaged checkpoint out of the way of good ones, to `….damaged`, in place of an earlier one.
 *
 * @throws UserError when it cannot be moved.
 */
export async function setAside(dir: string): Promise<void> {
  const to = `${dir}.damaged`;
  try {
    await fs.rm(to, { recursive: true, force: true });
    await fs.rename(dir, to);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw cannotWrite(to, error);
  }
}

async function writeConfig(folder: RunFolder, config: object): Promise<void> {
  await writeFileSafely(folder.config, `${JSON.stringify(config, null, 2)}\n`);
}

/** Writes the log, a line an epoch, and its curves. */
export async function writeLog(folder: RunFolder, log: readonly EpochLog[]): Promise<void> {
  const lines = log.map((entry) => `${JSON.stringify(entry)}\n`);
  await writeFileSafely(folder.log, lines.join(''));
  await writeChart(folder.curves, await curvesSvg(log));
}

/** Names the files that could not be used, a line each; nothing where there are none. */
export async function writeSkipped(
  path: string,
  files: readonly { path: string; reason: string }[],
): Promise<void> {
  if (files.length === 0) return;
  await writeFileSafely(path, files.map((file) => `${file.path}: ${file.reason}\n`).join(''));
}

/** Names the images that more than one split has, a line for each picture; no file where none is. */
export async function writeDuplicates(
  { duplicates: path }: RunFolder,
  duplicates: readonly Duplicate[],
): Promise<void> {
  if (duplicates.length > 0) {
    await writeFileSafely(path, duplicates.map((each) => `${duplicateText(each)}\n`).join(''));
  } else await fs.rm(path, { force: true });
}

/** Names all files of a batch, a line each, below what happened there. */
export async function writeDivergedBatch(
  { divergedBatch: path }: RunFolder,
  what: string,
  files: readonly string[],
): Promise<void> {
  await writeFileSafely(path, [`# ${what}`, ...files, ''].join('\n'));
}

/** Which images choose the best epoch. */
export function chooserText({ validation }: { validation: number }): string {
  if (validation === 0) return 'the test split (optimistic)';
  return `${Number((100 * validation).toFixed(2))}% of train/ held out`;
}

/** Writes the report, such as the table, and the confusion matrix of an evaluation. `subtitle` says of what. */
export async function writeReport(
  out: string,
  { matrix, report, classNames }: Evaluation,
  subtitle: string,
  text = classReportTable(report, classNames),
): Promise<ReportFiles> {
  const files = {
    report: join(out, 'report.txt'),
    confusionMatrix: join(out, 'confusion_matrix.svg'),
    classes: join(out, 'classes.svg'),
  };
  await writeFileSafely(files.report, `${subtitle}\n\n${text}\n`);
  await writeChart(
    files.confusionMatrix,
    await confusionMatrixSvg({ matrix, classNames, subtitle }),
  );
  await writeChart(files.classes, await classBarsSvg({ report, classNames, subtitle }));
  return files;
}
