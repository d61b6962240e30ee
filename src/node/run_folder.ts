import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { confusionMatrixSvg } from './confusion_matrix_svg.js';
import { curvesSvg, type EpochRecord } from './curves_svg.js';
import { classReportTable, type Evaluation } from './report.js';
import { describeFileError, UserError } from './user_error.js';
import { makeFolder, writeFileSafely } from './write_file.js';

/** One line of `log.jsonl`. */
export interface EpochLog extends EpochRecord {
  learningRate: number;
  /** Of the test split. */
  meanClassAccuracy: number | null;
  /** Of training alone. */
  seconds: number;
  imagesPerSecond: number;
}

/** Paths of a run. */
export interface RunFolder {
  out: string;
  config: string;
  log: string;
  /** Folder of the checkpoint after the last epoch, or where training was interrupted. */
  last: string;
  /** Folder of the checkpoint with the best test accuracy. */
  best: string;
  curves: string;
  /** Files that could not be used, where there are any. */
  skipped: string;
}

/** Paths of an evaluation. */
export interface ReportFiles {
  /** Per-class and overall accuracy as text. */
  report: string;
  /** The matrix as a picture. */
  confusionMatrix: string;
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
    skipped: at('skipped.txt'),
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

/** What a run writes into its folder. */
const runEntries =
  /^((last|best)(\.old|\.new)?|(config|report|skipped|log|curves|confusion_matrix)\.(json|jsonl|txt|svg))$/;

/**
 * Makes a run's folder and writes `config.json` into it.
 *
 * @throws UserError when it cannot be written, or holds a run that would be lost.
 */
export async function createRun(out: string, config: object): Promise<RunFolder> {
  const folder = runFolder(out);
  await makeFolder(out);
  const entries = await fs.readdir(out);
  const ofRun = entries.filter((name) => runEntries.test(name));
  // Settings alone are of a run that came to nothing.
  if (ofRun.some((name) => name !== 'config.json')) {
    const canResume = ofRun.some((name) => /^(last|best)(\.old)?$/.test(name));
    const found = canResume ? 'a run' : ofRun.join(', ');
    const instead = canResume
      ? `continue it with --resume ${out}`
      : 'remove what a run would replace';
    throw new UserError(`${out} already holds ${found}: ${instead}, or choose another --out`);
  }
  await writeConfig(folder, config);
  return folder;
}

/**
 * Makes the folder of an evaluation's report.
 *
 * @throws UserError when it cannot be written, or holds a run, which has a report of its own.
 */
export async function makeReportFolder(out: string): Promise<void> {
  await makeFolder(out);
  if ((await fs.readdir(out)).includes('config.json')) {
    throw new UserError(`${out} holds a run, whose report would be lost: choose another --out`);
  }
}

/** Takes away what `createRun` made, so that a run that failed at once can be tried again. */
export async function removeRun({ out, config }: RunFolder): Promise<void> {
  await fs.rm(config, { force: true }).catch(() => undefined);
  // Fails, as it should, where the folder holds anything else.
  await fs.rmdir(out).catch(() => undefined);
}

/** @throws UserError when it cannot be written. */
export async function copyFolder(from: string, to: string): Promise<void> {
  try {
    await fs.cp(from, to, { recursive: true });
  } catch (error) {
    throw new UserError(`cannot write ${to}: ${describeFileError(error)}`, { cause: error });
  }
}

export async function writeConfig(folder: RunFolder, config: object): Promise<void> {
  await writeFileSafely(folder.config, `${JSON.stringify(config, null, 2)}\n`);
}

/** Writes the log, a line an epoch, and its curves. */
export async function writeLog(folder: RunFolder, log: readonly EpochLog[]): Promise<void> {
  const lines = log.map((entry) => `${JSON.stringify(entry)}\n`);
  await writeFileSafely(folder.log, lines.join(''));
  await writeFileSafely(folder.curves, await curvesSvg(log));
}

/** Names the files that could not be used, a line each; nothing where there are none. */
export async function writeSkipped(
  path: string,
  files: readonly { path: string; reason: string }[],
): Promise<void> {
  if (files.length === 0) return;
  await writeFileSafely(path, files.map((file) => `${file.path}: ${file.reason}\n`).join(''));
}

/** Writes the table and the confusion matrix of an evaluation. `subtitle` says of what. */
export async function writeReport(
  out: string,
  { matrix, report, classNames }: Evaluation,
  subtitle: string,
): Promise<ReportFiles> {
  const files = {
    report: join(out, 'report.txt'),
    confusionMatrix: join(out, 'confusion_matrix.svg'),
  };
  await writeFileSafely(files.report, `${subtitle}\n\n${classReportTable(report, classNames)}\n`);
  const svg = await confusionMatrixSvg({ matrix, classNames, subtitle });
  await writeFileSafely(files.confusionMatrix, svg);
  return files;
}
