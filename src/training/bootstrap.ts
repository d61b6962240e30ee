import { checkNumber } from '../ops/number_check.js';
import { checkClasses, checkSameLength } from './class_check.js';
import { seededRandom } from './random.js';

/** A confidence interval, in the unit of what was estimated. */
export interface Interval {
  /** Its lower end. */
  lower: number;
  /** Its upper end. */
  upper: number;
}

/** How an interval is drawn. */
export interface BootstrapOptions {
  /** Of the draws: the same seed gives the same interval. */
  seed: number;
  /** Default 2000. */
  resamples?: number;
  /** The part of the resamples that lies within the interval. Default 0.95. */
  level?: number;
}

/**
 * A percentile bootstrap interval. `count` examples are drawn with replacement, `resamples` times; the
 * interval holds the middle `level` of the statistic's values, interpolated between neighbours.
 *
 * @param statistic Takes the indices of the examples drawn, shape [count], in which one may occur
 *   more than once.
 * @returns null when there are no examples.
 * @throws ArgumentError for fewer than 2 resamples or a level that is not between 0 and 1.
 *
 * @example
 * const losses = [0.2, 0.4, 0.1, 0.9, 0.3];
 * const mean = (indices: Int32Array) => indices.reduce((sum, i) => sum + losses[i], 0) / indices.length;
 * const interval = bootstrapInterval(losses.length, mean, { seed: 1 });
 * console.log(interval?.lower.toFixed(2), interval?.upper.toFixed(2)); // 0.18 0.66
 *
 * Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
 */
export function bootstrapInterval(
  count: number,
  statistic: (indices: Int32Array) => number,
  { seed, resamples = 2000, level = 0.95 }: BootstrapOptions,
): Interval | null {
  checkNumber('bootstrapInterval', 'resamples', resamples, { from: 2, integer: true });
  checkNumber('bootstrapInterval', 'level', level, { above: 0, below: 1 });
  if (count === 0) return null;
  const random = seededRandom(seed);
  const indices = new Int32Array(count);
  const values = Float64Array.from({ length: resamples }, () => {
    for (let i = 0; i < count; i++) indices[i] = random.integer(count);
    return statistic(indices);
  }).sort();
  return { lower: quantile(values, (1 - level) / 2), upper: quantile(values, (1 + level) / 2) };
}

/**
 * Bootstrap intervals of the accuracy and of the mean class accuracy, over the same resamples. In the
 * mean of a resample, only the classes that it holds count.
 *
 * The examples are taken to be independent: where several show one person, the intervals are too
 * narrow.
 *
 * @param labels true classes. Shape [n].
 * @param predictions predicted classes. Shape [n].
 * @returns null for both when there are no examples.
 * @throws ArgumentError if the lengths differ or a class is out of range, and as `bootstrapInterval`.
 *
 * @example
 * const labels = [0, 0, 0, 0, 1, 1, 1, 1];
 * const predictions = [0, 0, 0, 1, 1, 1, 1, 1];
 * const { accuracy } = accuracyIntervals(labels, predictions, 2, { seed: 1 });
 * console.log(accuracy); // { lower: 0.625, upper: 1 }
 */
export function accuracyIntervals(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  numClasses: number,
  options: BootstrapOptions,
): { accuracy: Interval | null; meanClassAccuracy: Interval | null } {
  checkSameLength(labels, predictions);
  checkClasses('labels', labels, numClasses);
  checkClasses('predictions', predictions, numClasses);
  const isRight = Uint8Array.from(labels, (label, i) => Number(label === predictions[i]));
  const accuracy = (indices: Int32Array) => {
    let right = 0;
    for (const i of indices) right += isRight[i]!;
    return right / indices.length;
  };
  const counts = new Int32Array(numClasses);
  const rights = new Int32Array(numClasses);
  const meanClassAccuracy = (indices: Int32Array) => {
    counts.fill(0);
    rights.fill(0);
    for (const i of indices) {
      counts[labels[i]!]! += 1;
      rights[labels[i]!]! += isRight[i]!;
    }
    let sum = 0;
    let present = 0;
    for (let c = 0; c < numClasses; c++) {
      if (counts[c]! === 0) continue;
      sum += rights[c]! / counts[c]!;
      present += 1;
    }
    return sum / present;
  };
  const interval = (statistic: (indices: Int32Array) => number) =>
    bootstrapInterval(labels.length, statistic, options);
  return { accuracy: interval(accuracy), meanClassAccuracy: interval(meanClassAccuracy) };
}

/** Of values in ascending order, linear between neighbours. */
function quantile(sorted: Float64Array, part: number): number {
  const at = part * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return below + (above - below) * (at - Math.floor(at));
}
