import Table from 'cli-table3';
import type { ClassReport } from '../training/metrics.js';
import { count, percent } from './format.js';

/** Predictions of `vit`, which depend on each image alone. */
export interface Evaluation {
  classNames: readonly string[];
  /** `matrix[true][predicted]`, counts. */
  matrix: number[][];
  report: ClassReport;
}

/**
 * A class report as a table for the terminal: a row of precision, recall, F1 and number of images
 * for each class, then the overall and the mean class accuracy. `–` stands where a ratio is
 * undefined.
 *
 * @param classNames in label order, one per class.
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
