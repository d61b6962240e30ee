import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { batchAttentionWeights } from '../../models/batch_attention.js';
import { splitAtBatch } from '../../models/split_at_batch.js';
import { batchOf, type Encodings } from '../images/encode_images.js';
import type { ImagePrediction } from './report.js';

/** Who attends to whom in a batch, class by class. */
export interface BatchAttention {
  /** Positions of the batch's images among those encoded. Shape [B]. */
  images: number[];
  /** `weights[c][i][j]`: how much image i takes from image j for class c; rows sum to 1. Shape [C, B, B]. */
  weights: number[][][];
  /** Logits of each image alone. Shape [B, C]. */
  vit: number[][];
  /** Logits after attention: `cba[i][c] = Σ_j weights[c][i][j] · vit[j][c]`. Shape [B, C]. */
  cba: number[][];
}

/**
 * The attention that a network's own batch transformer gives to a batch of encoded images.
 *
 * @param images Which images make up the batch.
 * @returns undefined for a network without batch transformer.
 */
export async function batchAttention(
  model: LayersModel,
  encodings: Encodings,
  images: readonly number[],
): Promise<BatchAttention | undefined> {
  const tensors = tf.tidy(() => {
    const batch = batchOf(encodings, images);
    const weights = batchAttentionWeights(model, batch);
    if (weights === undefined) return undefined;
    const { vit, cba } = splitAtBatch(model).combine(batch, { training: false });
    return { weights, vit: tf.clone(vit!) as tf.Tensor2D, cba: cba as tf.Tensor2D };
  });
  if (tensors === undefined) return undefined;
  const { weights, vit, cba } = tensors;
  try {
    return {
      images: [...images],
      weights: await weights.array(),
      vit: await vit.array(),
      cba: await cba.array(),
    };
  } finally {
    tf.dispose([weights, vit, cba]);
  }
}

/**
 * Images for a batch to look at, in class order: of each class in turn the one that is most wrong, the one
 * that is most surely right, the next most wrong, and so on.
 *
 * @param size How many, or as many as there are.
 * @returns positions in `predictions`.
 */
export function imagesToShow(predictions: readonly ImagePrediction[], size: number): number[] {
  const numClasses = predictions[0]?.probabilities.length ?? 0;
  const queues = Array.from({ length: numClasses }, (_, label) =>
    alternating(
      wrongest(predictions).filter((index) => predictions[index]!.label === label),
      surest(predictions).filter((index) => predictions[index]!.label === label),
    ),
  );
  const chosen: number[] = [];
  for (let round = 0; chosen.length < Math.min(size, predictions.length); round++) {
    chosen.push(...queues.flatMap((queue) => queue.slice(round, round + 1)));
  }
  return chosen.slice(0, size).sort((a, b) => predictions[a]!.label - predictions[b]!.label);
}

/** Positions of the images named wrongly, from that whose true class has the lowest probability on. */
export function wrongest(predictions: readonly ImagePrediction[]): number[] {
  return sortedBy(
    positions(predictions, ({ label, prediction }) => label !== prediction),
    (index) => ofLabel(predictions[index]!),
  );
}

/** Positions of the images named rightly, from the highest probability on. */
function surest(predictions: readonly ImagePrediction[]): number[] {
  return sortedBy(
    positions(predictions, ({ label, prediction }) => label === prediction),
    (index) => -ofLabel(predictions[index]!),
  );
}

function positions(
  predictions: readonly ImagePrediction[],
  matches: (prediction: ImagePrediction) => boolean,
): number[] {
  return predictions.flatMap((prediction, index) => (matches(prediction) ? [index] : []));
}

function sortedBy(indices: number[], scoreOf: (index: number) => number): number[] {
  return indices.sort((a, b) => scoreOf(a) - scoreOf(b));
}

function ofLabel({ probabilities, label }: ImagePrediction): number {
  return probabilities[label]!;
}

function alternating<T>(first: readonly T[], second: readonly T[]): T[] {
  const length = Math.max(first.length, second.length);
  return Array.from({ length }, (_, i) => [
    ...first.slice(i, i + 1),
    ...second.slice(i, i + 1),
  ]).flat();
}
