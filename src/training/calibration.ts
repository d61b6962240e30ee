import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import { checkClass } from './class_check.js';

/** The predictions of one range of confidence. Ratios are 0…1, null where the bin is empty. */
export interface CalibrationBin {
  /** The range (lower, upper]. */
  lower: number;
  /** Its end, which belongs to it. */
  upper: number;
  /** How many predictions are in it. */
  count: number;
  /** Their mean confidence: the probability of the class that is predicted. */
  confidence: number | null;
  /** The part of them that is right. */
  accuracy: number | null;
}

/** How far a network's probabilities can be taken at their word. */
export interface Calibration {
  /** Expected calibration error, 0…1; null of no examples. */
  expectedError: number | null;
  /**
   * Mean of −ln p of the true class, in nats; infinite where a true class has probability 0, null of
   * no examples.
   */
  negativeLogLikelihood: number | null;
  /** From low to high confidence. */
  bins: CalibrationBin[];
}

/**
 * Calibration of predictions: reliability by bins of equal width, the expected calibration error
 *
 *     ECE = Σ_b n_b / n · |accuracy_b − confidence_b|
 *
 * and the negative log-likelihood.
 *
 * @param probabilities rows that sum to 1. Shape [n, numClasses].
 * @param labels true classes, each 0…numClasses − 1. Shape [n].
 * @throws ArgumentError if sizes do not fit, a class is out of range or a row is no distribution.
 *
 * @example
 * const probabilities = [0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25]; // four images, two classes
 * console.log(calibration(probabilities, [0, 0, 0, 1], 2).expectedError); // 0
 * console.log(calibration(probabilities, [0, 0, 1, 1], 2).expectedError); // 0.25
 *
 * Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, arXiv 1706.04599.
 */
export function calibration(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  numClasses: number,
  numBins = 15,
): Calibration {
  if (probabilities.length !== labels.length * numClasses) {
    throw new ArgumentError(
      `${probabilities.length} probabilities for ${labels.length} labels of ${numClasses} classes`,
    );
  }
  checkNumber('calibration', 'numBins', numBins, { from: 1, integer: true });
  const sums = Array.from({ length: numBins }, () => ({ count: 0, confidence: 0, right: 0 }));
  let logLikelihood = 0;
  for (let i = 0; i < labels.length; i++) {
    const { predicted, confidence, ofLabel } = readRow(probabilities, i, labels[i]!, numClasses);
    const bin = sums[Math.min(numBins - 1, Math.max(0, Math.ceil(confidence * numBins) - 1))]!;
    bin.count += 1;
    bin.confidence += confidence;
    bin.right += Number(predicted === labels[i]);
    logLikelihood += Math.log(ofLabel);
  }
  const n = labels.length;
  const gaps = sums.map(({ confidence, right }) => Math.abs(right - confidence));
  return {
    expectedError: n > 0 ? gaps.reduce((total, gap) => total + gap, 0) / n : null,
    negativeLogLikelihood: n > 0 ? -logLikelihood / n : null,
    bins: sums.map(({ count, confidence, right }, i) => ({
      lower: i / numBins,
      upper: (i + 1) / numBins,
      count,
      confidence: count > 0 ? confidence / count : null,
      accuracy: count > 0 ? right / count : null,
    })),
  };
}

function readRow(
  probabilities: ArrayLike<number>,
  row: number,
  label: number,
  numClasses: number,
): { predicted: number; confidence: number; ofLabel: number } {
  checkClass('labels', row, label, numClasses);
  const start = row * numClasses;
  let predicted = 0;
  let total = 0;
  for (let c = 0; c < numClasses; c++) {
    const value = probabilities[start + c]!;
    if (!(value >= 0))
      throw new ArgumentError(`probabilities[${start + c}] is ${value}: expected 0…1`);
    total += value;
    if (value > probabilities[start + predicted]!) predicted = c;
  }
  // Softmax in float32 is off by less.
  if (Math.abs(total - 1) > 1e-4) {
    throw new ArgumentError(`probabilities of row ${row} sum to ${total}: expected 1`);
  }
  const ofLabel = probabilities[start + label]!;
  return { predicted, confidence: probabilities[start + predicted]!, ofLabel };
}
