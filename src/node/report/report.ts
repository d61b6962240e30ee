import Table from 'cli-table3';
import type { Interval } from '../../training/bootstrap.js';
import type { Calibration } from '../../training/calibration.js';
import type { DataType } from '../../training/data_types.js';
import type { ClassReport } from '../../training/metrics.js';
import type { BatchAccuracy, BatchOutputs } from '../evaluation/batch_accuracy.js';
import { count, percent } from '../format.js';
import type { SkippedImage } from '../images/image_source.js';
import type { CorruptionStep } from './corruption_sheet.js';

/** Predictions of `vit`, which depend on each image alone. */
export interface Evaluation {
  /** In label order. */
  classNames: readonly string[];
  /** `matrix[true][predicted]`, counts. */
  matrix: number[][];
  /** Of the matrix. */
  report: ClassReport;
}

/** What one image was taken for. */
export interface ImagePrediction {
  /** The image file. */
  path: string;
  /** True class, 0-based. */
  label: number;
  /** Of every class, in label order; they sum to 1. */
  probabilities: number[];
  /** The class with the highest one. */
  prediction: number;
}

/** `vit` on the same images, corrupted. */
export interface CorruptedAccuracy extends CorruptionStep {
  /** 0…1; null of no images. */
  accuracy: number | null;
  /** 0…1; null of no images. */
  meanClassAccuracy: number | null;
}

/** All numbers are of `vit`, which sees each image alone, but for `batch`. */
export interface FullEvaluation extends Evaluation {
  /** 95 % bootstrap intervals. */
  intervals: { accuracy: Interval | null; meanClassAccuracy: Interval | null };
  /** Of the predictions. */
  calibration: Calibration;
  /** Of a network with batch transformer, unless left out. */
  batch?: BatchOutputs;
  /** By corruption, then severity; empty where none was asked for. */
  robustness: CorruptedAccuracy[];
  /** Of every usable image. */
  predictions: ImagePrediction[];
  /** Whether probabilities are the mean of image and mirror image. */
  flipAverage: boolean;
  /** Whose classes the images have. */
  dataType: DataType;
  /** The data set's folder. */
  data: string;
  /** The file or folder that was evaluated: of a run, the best model. */
  checkpoint: string;
  /** Files that could not be used. */
  skipped: readonly SkippedImage[];
  /** Files of the data set that are no images by their names. */
  passedOver: number;
}

/**
 * A class report as a table for the terminal: a row of precision, recall, F1 and number of images
 * for each class, then the overall and the mean class accuracy. `–` stands where a ratio is
 * undefined.
 *
 * @param classNames in label order, one per class.
 *
 * @example
 * console.log(classReportTable(classReport([[3, 1], [0, 4]]), ['anger', 'happiness']));
 * // ┌───────────┬───────────┬────────┬───────┬────────┐
 * // │ class     │ precision │ recall │    F1 │ images │
 * // ├───────────┼───────────┼────────┼───────┼────────┤
 * // │ anger     │    100.0% │  75.0% │ 85.7% │      4 │
 * // │ happiness │     80.0% │ 100.0% │ 88.9% │      4 │
 * // └───────────┴───────────┴────────┴───────┴────────┘
 * // accuracy             87.50% of 8 images
 * // mean class accuracy  87.50%
 */
export function classReportTable(report: ClassReport, classNames: readonly string[]): string {
  const table = new Table({
    head: ['class', 'precision', 'recall', 'F1', 'images'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  report.classes.forEach(({ precision, recall, f1, support }, label) => {
    table.push([
      classNames[label] ?? `${label + 1}`,
      ...ratios(precision, recall, f1),
      count(support),
    ]);
  });
  return [
    table.toString(),
    `accuracy             ${percent(report.accuracy, 2)} of ${count(report.total)} images`,
    `mean class accuracy  ${percent(report.meanClassAccuracy, 2)}`,
  ].join('\n');
}

function ratios(...values: (number | null)[]): string[] {
  return values.map((value) => percent(value, 1));
}

/** All of an evaluation but single predictions, for the terminal. */
export function evaluationText(result: FullEvaluation): string {
  const { report, classNames, intervals, calibration, batch, robustness } = result;
  const likelihood = calibration.negativeLogLikelihood?.toFixed(3) ?? '–';
  return [
    classReportTable(report, classNames),
    `95% intervals        accuracy ${intervalText(intervals.accuracy)}, ` +
      `mean class accuracy ${intervalText(intervals.meanClassAccuracy)} (bootstrap)`,
    `calibration          ECE ${percent(calibration.expectedError, 2)} ` +
      `(${calibration.bins.length} bins), negative log-likelihood ${likelihood}`,
    ...(batch ? ['', batchText(batch, report.accuracy)] : []),
    ...(robustness.length > 0 ? ['', robustnessText(robustness, report.accuracy)] : []),
  ].join('\n');
}

/** Such as `87.86% to 94.64%`. */
export function intervalText(interval: Interval | null): string {
  if (interval === null) return '–';
  return `${percent(interval.lower, 2)} to ${percent(interval.upper, 2)}`;
}

function batchText(batch: BatchOutputs, vit: number | null): string {
  const { batchSize, lastBatchSize, bt, cba } = batch;
  const last = lastBatchSize === batchSize ? '' : `, ${lastBatchSize} in the last`;
  const table = new Table({
    head: ['output', `shuffled: mean ± SD of ${bt.shuffles.length}`, 'in class order: INFLATED'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  const shuffledText = ({ mean, standardDeviation }: BatchAccuracy) =>
    `${percent(mean, 2)} ± ${percent(standardDeviation, 2)}`;
  table.push(
    ['vit, each image alone', percent(vit, 2), percent(vit, 2)],
    ...Object.entries({ bt, cba }).map(([name, accuracy]) => [
      name,
      shuffledText(accuracy),
      percent(accuracy.inClassOrder, 2),
    ]),
  );
  return [
    `accuracy of the outputs that depend on who shares a batch (${batchSize} images${last}):`,
    table.toString(),
    'In class order a batch is nearly of one class, which gives the answer away: not a result.',
  ].join('\n');
}

function robustnessText(steps: readonly CorruptedAccuracy[], clean: number | null): string {
  const names = [...new Set(steps.map(({ corruption }) => corruption))];
  const severities = [...new Set(steps.map(({ severity }) => severity))];
  const table = new Table({
    head: ['corruption', 'none', ...severities.map((severity) => `severity ${severity}`)],
    colAligns: ['left', 'right', ...severities.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const name of names) {
    const ofName = steps.filter(({ corruption }) => corruption === name);
    table.push([name, ...[clean, ...ofName.map(({ accuracy }) => accuracy)].map(onePlace)]);
  }
  return `accuracy on corrupted images, each alone (vit):\n${table}`;
}

function onePlace(ratio: number | null): string {
  return percent(ratio, 1);
}
