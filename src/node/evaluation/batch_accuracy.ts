import type { LayersModel } from '@tensorflow/tfjs-layers';
import { accuracy, predictedClasses, probabilitiesOf } from '../../training/metrics.js';
import { batches, shuffled } from '../../training/sampler.js';
import {
  combineEncodings,
  type Encodings,
  numClassesOf,
  type Outputs,
} from '../images/encode_images.js';

/** How well an output does that depends on which images share a batch. Accuracies are 0…1. */
export interface BatchAccuracy {
  /** Of each shuffle of the images. */
  shuffles: number[];
  /** Of the shuffles. */
  mean: number;
  /** Sample standard deviation of the shuffles. */
  standardDeviation: number;
  /**
   * Over batches in class order, nearly of one class each. Inflated: who shares a batch gives the
   * class away. Not a result.
   */
  inClassOrder: number;
}

/** Of a Batch Transformer Network, its outputs `bt` and `cba`. */
export interface BatchOutputs {
  /** Images that share a batch. */
  batchSize: number;
  /** Images of the last batch, which is as small as it comes out: it attends to fewer. */
  lastBatchSize: number;
  /** Class batch attention and the residual. */
  bt: BatchAccuracy;
  /** Class batch attention alone. */
  cba: BatchAccuracy;
}

const numShuffles = 5;

/**
 * Accuracies of `bt` and `cba` over five seeded shuffles of the images and in class order.
 *
 * @param views Encodings of the same images: of more than one, probabilities are the mean.
 * @returns undefined for a network without batch transformer.
 */
export async function batchOutputs(
  model: LayersModel,
  views: readonly Encodings[],
  labels: readonly number[],
  batchSize: number,
  seed: number,
): Promise<BatchOutputs | undefined> {
  if (!model.outputNames.includes('bt')) return undefined;
  const indices = [...labels.keys()];
  const accuraciesOf = async (order: readonly number[]) => {
    const { bt, cba } = await probabilitiesInBatches(model, views, batches(order, batchSize));
    return { bt: accuracyOf(model, bt!, labels), cba: accuracyOf(model, cba!, labels) };
  };
  const shuffles: { bt: number; cba: number }[] = [];
  for (let i = 0; i < numShuffles; i++) {
    shuffles.push(await accuraciesOf(shuffled(indices, seed, i)));
  }
  const ordered = await accuraciesOf(indices.sort((a, b) => labels[a]! - labels[b]!));
  const summary = (name: 'bt' | 'cba') => ({
    ...meanAndDeviation(shuffles.map((each) => each[name])),
    inClassOrder: ordered[name],
  });
  const lastBatchSize = labels.length % batchSize || batchSize;
  return { batchSize, lastBatchSize, bt: summary('bt'), cba: summary('cba') };
}

/**
 * Probabilities by output, `[n, C]` each, of encoded images in batches.
 *
 * @param plan The images of each batch; each image occurs once.
 */
export async function probabilitiesInBatches(
  model: LayersModel,
  views: readonly Encodings[],
  plan: readonly (readonly number[])[],
): Promise<Outputs<Float64Array>> {
  const numClasses = numClassesOf(model);
  const total = plan.reduce((sum, { length }) => sum + length, 0);
  const result = Object.fromEntries(
    model.outputNames.map((name) => [name, new Float64Array(total * numClasses)]),
  );
  for (const indices of plan) {
    for (const view of views) {
      const logits = await combineEncodings(model, view, indices);
      for (const [name, values] of Object.entries(logits)) {
        const probabilities = probabilitiesOf(values, numClasses);
        addRows(result[name]!, probabilities, indices, numClasses, 1 / views.length);
      }
    }
  }
  return result as Outputs<Float64Array>;
}

function addRows(
  sums: Float64Array,
  rows: Float64Array,
  indices: readonly number[],
  length: number,
  factor: number,
): void {
  indices.forEach((index, i) => {
    for (let c = 0; c < length; c++) sums[index * length + c]! += factor * rows[i * length + c]!;
  });
}

function accuracyOf(
  model: LayersModel,
  probabilities: Float64Array,
  labels: readonly number[],
): number {
  return accuracy(labels, predictedClasses(probabilities, numClassesOf(model)))!;
}

function meanAndDeviation(shuffles: number[]) {
  const mean = shuffles.reduce((sum, value) => sum + value, 0) / shuffles.length;
  const squares = shuffles.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { shuffles, mean, standardDeviation: Math.sqrt(squares / (shuffles.length - 1)) };
}
