import { ArgumentError } from '../ops/errors.js';
import { checkClasses, checkRows, checkSameLength } from './class_check.js';

/** How well one class is recognised. Ratios are between 0 and 1, or null where undefined. */
export interface ClassMetrics {
  /** Of the examples predicted as this class, the part that is; null if none was predicted so. */
  precision: number | null;
  /** Of the examples of this class, the part predicted as such; null if there are none. */
  recall: number | null;
  /** Harmonic mean of precision and recall; null if the class has no examples. */
  f1: number | null;
  /** The number of examples of this class. */
  support: number;
}

/** Precision, recall and F1 of every class, and their means; 0…1. */
export interface ClassReport {
  /** In label order. */
  classes: ClassMetrics[];
  /** The part of all examples predicted right; null if there are none. */
  accuracy: number | null;
  /** The mean recall of the classes that have examples; null if there are none. */
  meanClassAccuracy: number | null;
  /** The number of examples. */
  total: number;
}

/**
 * Counts predictions by true class.
 *
 * @param labels true classes, each 0…numClasses − 1. Shape [n].
 * @param predictions predicted classes, each 0…numClasses − 1. Shape [n].
 * @returns `[numClasses, numClasses]`: `matrix[true][predicted]`.
 * @throws ArgumentError if the lengths differ or a class is out of range.
 *
 * @example
 * console.log(confusionMatrix([0, 0, 1, 1], [0, 1, 1, 1], 2)); // [ [ 1, 1 ], [ 0, 2 ] ]
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  numClasses: number,
): number[][] {
  checkSameLength(labels, predictions);
  if (!Number.isInteger(numClasses) || numClasses < 1) {
    throw new ArgumentError(`numClasses is ${numClasses}: expected a positive integer`);
  }
  const matrix = Array.from({ length: numClasses }, () => new Array<number>(numClasses).fill(0));
  checkClasses('labels', labels, numClasses);
  checkClasses('predictions', predictions, numClasses);
  for (let i = 0; i < labels.length; i++) matrix[labels[i]!]![predictions[i]!]! += 1;
  return matrix;
}

/**
 * Softmax of each row, in float64.
 *
 * @param logits Shape [n, numClasses].
 * @returns Shape [n, numClasses]; rows sum to 1.
 * @throws ArgumentError if there are no whole rows.
 *
 * @example
 * console.log(probabilitiesOf([2, 2, 1000, 0], 2)); // Float64Array(4) [ 0.5, 0.5, 1, 0 ]
 */
export function probabilitiesOf(logits: ArrayLike<number>, numClasses: number): Float64Array {
  checkRows('logits', logits, numClasses);
  const probabilities = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += numClasses) {
    const row = probabilities.subarray(start, start + numClasses);
    let greatest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < numClasses; c++) greatest = Math.max(greatest, logits[start + c]!);
    let total = 0;
    for (let c = 0; c < numClasses; c++) total += row[c] = Math.exp(logits[start + c]! - greatest);
    for (let c = 0; c < numClasses; c++) row[c]! /= total;
  }
  return probabilities;
}

/**
 * The class with the highest score of each row, the first of equals.
 *
 * @param scores logits or probabilities. Shape [n, numClasses].
 * @returns Shape [n].
 * @throws ArgumentError if there are no whole rows.
 *
 * @example
 * console.log(predictedClasses([0.2, 0.8, 3, -1], 2)); // Int32Array(2) [ 1, 0 ]
 */
export function predictedClasses(scores: ArrayLike<number>, numClasses: number): Int32Array {
  checkRows('scores', scores, numClasses);
  return Int32Array.from({ length: scores.length / numClasses }, (_, i) => {
    let best = 0;
    for (let c = 1; c < numClasses; c++) {
      if (scores[i * numClasses + c]! > scores[i * numClasses + best]!) best = c;
    }
    return best;
  });
}

/**
 * The part of predictions that equal their label, 0…1; null for no examples.
 *
 * @throws ArgumentError if the lengths differ.
 *
 * @example
 * console.log(accuracy([0, 1, 1, 0], [0, 1, 0, 0])); // 0.75
 */
export function accuracy(labels: ArrayLike<number>, predictions: ArrayLike<number>): number | null {
  checkSameLength(labels, predictions);
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] === predictions[i]) right += 1;
  return ratio(right, labels.length);
}

/**
 * Precision, recall and F1 of each class, the overall accuracy and the mean class accuracy.
 *
 * A class without examples has no recall and no F1: they are null, show them as “–”, and the mean
 * class accuracy leaves the class out rather than count it as 0 or 1. A class that has examples but
 * was never predicted has no precision, while its recall and F1 are 0.
 *
 * @param matrix [numClasses, numClasses] counts, `matrix[true][predicted]`.
 * @throws ArgumentError if the matrix is not square or holds something other than counts.
 *
 * @example
 * const report = classReport([[3, 1], [0, 12]]); // one of class 0 was taken for class 1
 * console.log(report.accuracy, report.meanClassAccuracy); // 0.9375 0.875
 * console.log(report.classes[0].recall, report.classes[0].precision); // 0.75 1
 */
export function classReport(matrix: readonly (readonly number[])[]): ClassReport {
  checkMatrix(matrix);
  const support = matrix.map((row) => sum(row));
  const predicted = matrix.map((_, column) => sum(matrix.map((row) => row[column]!)));
  const right = matrix.map((row, label) => row[label]!);
  const classes = matrix.map((_, label) => ({
    precision: ratio(right[label]!, predicted[label]!),
    recall: ratio(right[label]!, support[label]!),
    f1: support[label]! > 0 ? ratio(2 * right[label]!, support[label]! + predicted[label]!) : null,
    support: support[label]!,
  }));
  const recalls = classes.flatMap(({ recall }) => (recall === null ? [] : [recall]));
  const total = sum(support);
  return {
    classes,
    accuracy: ratio(sum(right), total),
    meanClassAccuracy: ratio(sum(recalls), recalls.length),
    total,
  };
}

function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function checkMatrix(matrix: readonly (readonly number[])[]): void {
  matrix.forEach((row, label) => {
    if (row.length !== matrix.length) {
      throw new ArgumentError(
        `matrix row ${label} has ${row.length} columns: expected ${matrix.length}, one per class`,
      );
    }
    const wrong = row.find((count) => !Number.isInteger(count) || count < 0);
    if (wrong !== undefined)
      throw new ArgumentError(`matrix row ${label} holds ${wrong}, not a count`);
  });
}
