import * as tf from '@tensorflow/tfjs-core';
import { type SplitModel, splitAtBatch } from '../../models/split_at_batch.js';
import { towards } from '../../training/cached_gradients.js';
import type { BtnOutputs } from '../../training/loss.js';
import {
  type GradientJob,
  type GradientResult,
  partsOf,
  trainableVariables,
} from '../../training/step.js';
import { counters, type GradientShare } from './messages.js';
import { sharedArrays } from './shared.js';
import type { Workers } from './workers.js';

/**
 * The gradients of a batch, its parts run by threads: bit for bit those of `batchGradients`, whatever
 * the number of threads. They must have the model's weights.
 *
 * The threads encode all parts and wait; the loss over all encodings is computed here, with what mixes
 * the batch; then they carry its gradient on to the weights, and add up what they find in the order
 * of the parts.
 *
 * @throws UserError when a thread dies.
 */
export async function parallelGradients(
  workers: Workers,
  job: GradientJob,
): Promise<GradientResult> {
  const { model, images, microBatch } = job;
  const split = splitAtBatch(model);
  const variables = trainableVariables(model);
  const statistics = model.nonTrainableWeights.map((weight) => weight.read() as tf.Variable);
  const parts = partsOf(images.shape[0], microBatch);
  const share = await newShare(job, split, Object.values(variables), statistics);
  for (let thread = 0; thread < workers.count; thread++) workers.send(thread, share);
  await workers.answers('encoded');
  const { total, parts: lossParts, ofHead } = lossOfEncodings(job, share, split, variables);
  try {
    Atomics.store(share.control, counters.ready, 1);
    Atomics.notify(share.control, counters.ready);
    const done = await workers.answers('done');
    moveStatistics(
      statistics,
      share.statistics,
      parts.map(([, count]) => count),
    );
    const { reached } = done.find((each) => each.reached.length > 0)!;
    return {
      total,
      parts: lossParts,
      gradients: sumsOf(variables, share.gradients, reached, ofHead),
    };
  } catch (error) {
    tf.dispose([total, lossParts, ofHead as tf.TensorContainer]);
    throw error;
  }
}

async function newShare(
  { images, microBatch, seed }: GradientJob,
  { encodingShapes }: SplitModel,
  variables: readonly tf.Variable[],
  statistics: readonly tf.Variable[],
): Promise<GradientShare> {
  const batch = images.shape[0];
  const sizes = encodingShapes.map((shape) => batch * tf.util.sizeFromShape([...shape]));
  const statisticsSize = statistics.reduce((sum, { size }) => sum + size, 0);
  const [pixels] = sharedArrays([images.size]);
  pixels!.set(await images.data());
  return {
    kind: 'gradients',
    images: pixels!,
    imageShape: images.shape,
    microBatch,
    seed,
    encodings: sharedArrays(sizes),
    cotangents: sharedArrays(sizes),
    gradients: sharedArrays(variables.map(({ size }) => size)),
    statistics: sharedArrays(partsOf(batch, microBatch).map(() => statisticsSize)).map((array) =>
      array.fill(Number.NaN),
    ),
    control: new Int32Array(new SharedArrayBuffer(4 * counters.size)),
  };
}

type Nullable = (tf.Tensor | null)[];

/** The loss, and its gradients by the weights of what mixes the batch; writes those of the encodings. */
function lossOfEncodings(
  { loss, seed }: GradientJob,
  { encodings, cotangents, imageShape }: GradientShare,
  { encodingShapes, combine }: SplitModel,
  variables: Record<string, tf.Variable>,
): { total: tf.Scalar; parts: tf.Tensor[]; ofHead: Nullable } {
  const parts: tf.Tensor[] = [];
  const result = tf.tidy(() => {
    const inputs = encodings.map((values, i) =>
      tf.tensor(values, [imageShape[0], ...encodingShapes[i]!]),
    );
    const { value, grads } = tf.engine().gradients(
      () => {
        const outputs = combine(inputs, { training: true, seed });
        const { total, parts: ofLoss } = loss(outputs as unknown as BtnOutputs);
        for (const part of ofLoss) parts.push(tf.keep(tf.clone(part)));
        return total;
      },
      [...inputs, ...Object.values(variables)],
      undefined,
      true,
    );
    const found = grads.map((gradient) => (gradient as tf.Tensor | undefined) ?? null);
    for (const [i, array] of cotangents.entries()) {
      const gradient = found[i];
      if (gradient) array.set(gradient.dataSync());
    }
    return { total: value, ofHead: found.slice(inputs.length) } as unknown as tf.TensorContainer;
  }) as unknown as { total: tf.Scalar; ofHead: Nullable };
  return { ...result, parts };
}

/** Gradients by weight name, of the encoder and of what mixes the batch together. */
function sumsOf(
  variables: Record<string, tf.Variable>,
  ofEncoder: readonly Float32Array[],
  reached: readonly boolean[],
  ofHead: Nullable,
): Record<string, tf.Tensor> {
  const gradients: Record<string, tf.Tensor> = {};
  for (const [i, [name, variable]] of Object.entries(variables).entries()) {
    const own = reached[i] ? tf.tensor(ofEncoder[i]!, variable.shape) : null;
    const head = ofHead[i] ?? null;
    if (own && head) {
      gradients[name] = tf.add(own, head);
      tf.dispose([own, head]);
    } else if (own || head) gradients[name] = (own ?? head)!;
  }
  return gradients;
}

/** Moves each statistic to the mean of where the parts left it, from the last part on. */
function moveStatistics(
  statistics: readonly tf.Variable[],
  parts: readonly Float32Array[],
  counts: readonly number[],
): void {
  let from = 0;
  for (const variable of statistics) {
    const range: [number, number] = [from, from + variable.size];
    from += variable.size;
    if (Number.isNaN(parts[0]![range[0]])) continue;
    const leftBy = (part: number) => tf.tensor(parts[part]!.slice(...range), variable.shape);
    tf.tidy(() => {
      let samples = counts.at(-1)!;
      let mean: tf.Tensor = leftBy(parts.length - 1);
      for (let part = parts.length - 2; part >= 0; part--) {
        samples += counts[part]!;
        mean = towards(mean, leftBy(part), counts[part]! / samples);
      }
      variable.assign(mean);
    });
  }
}
