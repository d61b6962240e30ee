import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import { checkClasses } from './class_check.js';

/** Logits `[B, C]` of a BTN; without batch transformer there is only `vit`. */
export interface BtnOutputs {
  /** Of each image alone. */
  vit: tf.Tensor2D;
  /** Of the batch: class batch attention and the residual `vit`. */
  bt?: tf.Tensor2D;
  /** Of the batch: class batch attention alone. */
  cba?: tf.Tensor2D;
}

/** Scalars, each the mean over the batch. */
export interface BtnLoss {
  /** `λ·vit + bt + cba`. */
  total: tf.Scalar;
  /** Cross-entropy of `vit`, not weighted. */
  vit: tf.Scalar;
  /** Cross-entropy of `bt`. */
  bt?: tf.Scalar;
  /** Cross-entropy of `cba`. */
  cba?: tf.Scalar;
}

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** ε, from 0 to 1: the part of each target that is spread over all classes. Default 0. */
  labelSmoothing?: number;
  /** Weight of each class. Default 1. */
  classWeights?: readonly number[];
}

/** Options of `btnLoss`. */
export interface BtnLossOptions extends CrossEntropyOptions {
  /** λ, the weight of the ViT loss. Default 1. */
  lambda?: number;
}

/**
 * The training loss `λ·CE(vit) + CE(bt) + CE(cba)`.
 *
 * @param outputs Logits.
 * @param labels `[B]` int32, classes from 0 on. One that is no class makes the loss NaN.
 * @throws as `crossEntropy`.
 *
 * @example
 * const logits = tf.zeros<tf.Rank.R2>([2, 7]); // of a network that knows nothing
 * const labels = tf.tensor1d([0, 3], 'int32');
 * const { total, vit } = btnLoss({ vit: logits, bt: logits, cba: logits }, labels, { lambda: 2 });
 * console.log(vit.dataSync()[0].toFixed(3), total.dataSync()[0].toFixed(3)); // 1.946 7.784
 *
 * Source: Her et al., IEEE Access 13 (2025). Provenance: published form; λ is not published. Label
 * smoothing and class weights are options.
 */
export function btnLoss(
  outputs: BtnOutputs,
  labels: tf.Tensor1D,
  { lambda = 1, ...options }: BtnLossOptions = {},
): BtnLoss {
  const targets = oneHot(labels, outputs.vit.shape[1]!);
  const vit = crossEntropy(outputs.vit, targets, options);
  const weighted = tf.mul(vit, lambda) as tf.Scalar;
  if (!outputs.bt || !outputs.cba) return { total: weighted, vit };
  const bt = crossEntropy(outputs.bt, targets, options);
  const cba = crossEntropy(outputs.cba, targets, options);
  return { total: tf.add(weighted, tf.add(bt, cba)), vit, bt, cba };
}

/** `[B, C]` float32; NaN where a label is no class, which else would count as a sample without loss. */
function oneHot(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  return tf.tidy(() => {
    const isClass = tf.logicalAnd(tf.greaterEqual(labels, 0), tf.less(labels, classes));
    const rows = tf.cast(tf.oneHot(labels, classes), 'float32');
    return tf.where(tf.expandDims(isClass, 1), rows, Number.NaN) as tf.Tensor2D;
  });
}

/**
 * Softmax cross-entropy, the mean over the batch, as PyTorch's `CrossEntropyLoss` computes it:
 *
 *     Σ_i Σ_c w_c · ((1−ε)·target_ic + ε/C) · −log softmax(logits)_ic  /  Σ_i w of i's class
 *
 * @param logits `[B, C]`
 * @param targets `[B, C]`, one-hot.
 * @throws ArgumentError when there is not a weight for each class, or smoothing is not from 0 to 1.
 *
 * @example
 * const logits = tf.tensor2d([[2, 0, 0], [0, 2, 0]]); // two samples, three classes
 * const targets = tf.oneHot([0, 2], 3); // the second is wrong
 * console.log(crossEntropy(logits, targets).dataSync()[0].toFixed(3)); // 1.240
 */
export function crossEntropy(
  logits: tf.Tensor2D,
  targets: tf.Tensor,
  { labelSmoothing = 0, classWeights }: CrossEntropyOptions = {},
): tf.Scalar {
  const classes = logits.shape[1];
  checkNumber('crossEntropy', 'labelSmoothing', labelSmoothing, { from: 0, to: 1 });
  if (classWeights && classWeights.length !== classes) {
    throw new ArgumentError(
      `crossEntropy: classWeights has ${classWeights.length} values, expected one for each of ${classes} classes`,
    );
  }
  return tf.tidy(() => {
    const hard = tf.cast(targets, 'float32');
    const soft =
      labelSmoothing > 0
        ? tf.add(tf.mul(hard, 1 - labelSmoothing), labelSmoothing / classes)
        : hard;
    const logProbabilities = tf.logSoftmax(logits);
    if (!classWeights) return tf.neg(tf.mean(tf.sum(tf.mul(soft, logProbabilities), 1)));
    const weights = tf.tensor1d([...classWeights]);
    const sum = tf.sum(tf.mul(tf.mul(soft, weights), logProbabilities));
    return tf.neg(tf.div(sum, tf.sum(tf.mul(hard, weights))));
  }) as tf.Scalar;
}

/**
 * Weights by which each class counts as much as the others: `n / (C·n_c)` for n_c of n samples.
 *
 * A class without samples gets 0.
 *
 * @param labels Classes from 0 on.
 * @throws ArgumentError if a label is no class.
 *
 * @example
 * console.log(balancedClassWeights([0, 0, 0, 0, 1, 1], 2)); // [ 0.75, 1.5 ]
 *
 * Provenance: an option, not in the authors' recipe.
 */
export function balancedClassWeights(labels: readonly number[], numClasses: number): number[] {
  checkClasses('labels', labels, numClasses);
  const counts = new Array<number>(numClasses).fill(0);
  for (const label of labels) counts[label]!++;
  return counts.map((count) => (count === 0 ? 0 : labels.length / (numClasses * count)));
}
