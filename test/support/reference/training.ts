/** Loss and optimizer. */
import { type NdArray, softmax } from './nd_array.js';

/** Mean over the batch of −log softmax(logits)[label]. */
export function crossEntropy(logits: NdArray, labels: readonly number[]): number {
  const classes = logits.shape[1]!;
  const losses = labels.map((label, i) => {
    const row = [...logits.data.subarray(i * classes, (i + 1) * classes)];
    return -Math.log(softmax(row)[label]!);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** λ·CE(vit) + CE(bt) + CE(cba) */
export function btnLoss(
  { vit, bt, cba }: { vit: NdArray; bt: NdArray; cba: NdArray },
  labels: readonly number[],
  lambda: number,
): number {
  return lambda * crossEntropy(vit, labels) + crossEntropy(bt, labels) + crossEntropy(cba, labels);
}

export interface AdamMoments {
  first: number[];
  second: number[];
}

/** One step, the t-th from 1 on; returns the new weights and updates the moments. */
export function adamStep(
  weights: readonly number[],
  gradient: readonly number[],
  moments: AdamMoments,
  t: number,
  learningRate: number,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = {},
): number[] {
  return weights.map((w, i) => {
    const g = gradient[i]!;
    moments.first[i] = beta1 * moments.first[i]! + (1 - beta1) * g;
    moments.second[i] = beta2 * moments.second[i]! + (1 - beta2) * g * g;
    const m = moments.first[i]! / (1 - beta1 ** t);
    const v = moments.second[i]! / (1 - beta2 ** t);
    return w - (learningRate * m) / (Math.sqrt(v) + epsilon);
  });
}
