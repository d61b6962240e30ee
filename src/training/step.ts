import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { splitAtBatch } from '../models/split_at_batch.js';
import { ArgumentError, BtnError } from '../ops/errors.js';
import { mixSeeds } from '../ops/seeds.js';
import { cachedGradients } from './cached_gradients.js';
import { type BtnLossOptions, type BtnOutputs, btnLoss } from './loss.js';
import type { Gradients, Optimizer, Variables } from './optimizer.js';

/** Images `[B, H, W, 3]`, normalised, and labels `[B]` int32. */
export interface Batch {
  /** `[B, H, W, 3]`, RGB, normalised by `normalise` or `augment`. */
  images: tf.Tensor4D;
  /** `[B]` int32, classes from 0 on. */
  labels: tf.Tensor1D;
}

/** Options of `trainStep`. */
export interface TrainStepOptions {
  /** Of this step, such as that of `learningRateAt`. */
  learningRate: number;
  /** Default: λ 1, no label smoothing, no class weights. */
  loss?: BtnLossOptions;
  /** Seed of random masks in the layers (drop-path, dropout); random when absent. */
  seed?: number;
  /** Most images to hold in memory at once. Default: the whole batch. */
  microBatch?: number;
  /** Computes the gradients. Default `batchGradients`, in this thread. */
  gradients?: BatchGradients;
}

/** A loss over a whole batch, with what else to know of it. */
export interface BatchLoss {
  /** What is differentiated. */
  total: tf.Scalar;
  /** Tensors of any shape, handed on as they are. */
  parts: tf.Tensor[];
}

/** A batch whose gradients are wanted, and how. */
export interface GradientJob {
  /** With one input and the outputs of a BTN. */
  model: LayersModel;
  /** `[B, H, W, 3]` */
  images: tf.Tensor4D;
  /** From the outputs of the whole batch. */
  loss: (outputs: BtnOutputs) => BatchLoss;
  /** Most images that go through the network at once. */
  microBatch: number;
  /** Of random masks. */
  seed: number;
}

/** Loss, its parts, and gradients by weight name; the caller disposes them. */
export interface GradientResult {
  /** The loss. */
  total: tf.Scalar;
  /** What the loss gave beside it. */
  parts: tf.Tensor[];
  /** By weight name, of the weights' shapes. */
  gradients: Gradients;
}

/** Computes the gradients of a loss over a batch that is run in parts of `microBatch` images. */
export type BatchGradients = (job: GradientJob) => Promise<GradientResult>;

/** Means over one batch. */
export interface StepResult {
  /** `λ·vit + bt + cba`. */
  loss: number;
  /** Cross-entropy of `vit`. */
  vitLoss: number;
  /** Cross-entropy of `bt`; absent without batch transformer. */
  btLoss?: number;
  /** Cross-entropy of `cba`; absent without batch transformer. */
  cbaLoss?: number;
  /** Predictions of `vit` by sample. */
  predictions: Int32Array;
}

/**
 * The loss of a step is not a number: the trainable weights were left as they were. Its code is `LossNotFinite`.
 *
 * @example
 * const network = btn(btnConfig('tiny', { numClasses: 7 }));
 * const batch = { images: tf.fill<tf.Rank.R4>([2, 112, 112, 3], NaN), labels: tf.tensor1d([0, 3], 'int32') };
 * try {
 *   await trainStep(network, new Adam(), batch, { learningRate: 1e-3 });
 * } catch (error) {
 *   if (error instanceof LossNotFiniteError) console.log(error.code, error.message);
 *   // LossNotFinite the loss is NaN
 * }
 */
export class LossNotFiniteError extends BtnError<'LossNotFinite'> {
  override name = 'LossNotFiniteError';

  constructor(message: string) {
    super('LossNotFinite', message);
  }
}

/**
 * Runs a BTN on a whole batch. In training, `seed` fixes the random masks; they are random when it is absent.
 *
 * @param images `[B, H, W, 3]`, normalised.
 * @returns Its logits by name, `[B, C]` each.
 *
 * @example
 * const { vit, bt, cba } = forward(model, images); // a BTN-7 on images [2, 112, 112, 3]
 * console.log(vit.shape, bt?.shape, cba?.shape); // [ 2, 7 ] [ 2, 7 ] [ 2, 7 ]
 */
export function forward(
  model: LayersModel,
  images: tf.Tensor4D,
  { training = false, seed }: { training?: boolean; seed?: number } = {},
): BtnOutputs {
  const outputs = model.apply(images, { training, ...(seed !== undefined && { seed }) });
  const list = (Array.isArray(outputs) ? outputs : [outputs]) as tf.Tensor2D[];
  const byName = Object.fromEntries(model.outputNames.map((name, i) => [name, list[i]!]));
  return byName as unknown as BtnOutputs;
}

/**
 * One step of training on one batch: forward, loss, gradients, update. Leaks no tensor.
 *
 * With a `microBatch`, no more images than that are held in memory at once, for one more forward pass
 * of most of them: the step is the same but for batch normalisation, whose statistics are those of a
 * micro-batch. See `cachedGradients`.
 *
 * @throws LossNotFiniteError when the loss is NaN or infinite; trainable weights and the optimizer
 *   are not touched then, but running averages have seen the batch: go on from a checkpoint.
 *
 * @example
 * const optimizer = new Adam();
 * const labels = tf.tensor1d([0, 3], 'int32'); // of images [2, 112, 112, 3]
 * const step = await trainStep(model, optimizer, { images, labels }, { learningRate: 1e-3 });
 * console.log(step.loss > 0, step.predictions.length); // true 2
 */
export async function trainStep(
  model: LayersModel,
  optimizer: Optimizer,
  { images, labels }: Batch,
  {
    learningRate,
    loss: lossOptions,
    seed = randomSeed(),
    microBatch = images.shape[0],
    gradients: compute = batchGradients,
  }: TrainStepOptions,
): Promise<StepResult> {
  const owned: tf.Tensor[] = [];
  const loss = (outputs: BtnOutputs): BatchLoss => {
    const { total, vit, bt, cba } = btnLoss(outputs, labels, lossOptions);
    return { total, parts: [tf.argMax(outputs.vit, 1), vit, ...(bt && cba ? [bt, cba] : [])] };
  };
  const gradientsAt = async (maskSeed: number) => {
    const result = await compute({ model, images, loss, microBatch, seed: maskSeed });
    owned.push(result.total, ...result.parts, ...Object.values(result.gradients));
    const value = (await result.total.data())[0]!;
    if (!Number.isFinite(value)) throw new LossNotFiniteError(`the loss is ${value}`);
    return { ...result, value };
  };
  // As in PyTorch, a second pass draws its random masks anew.
  const again = async () => (await gradientsAt(mixSeeds(seed, 1))).gradients;
  try {
    const { value, parts, gradients } = await gradientsAt(seed);
    await optimizer.apply(trainableVariables(model), gradients, learningRate, again);
    const [predictions, vitLoss, btLoss, cbaLoss] = await Promise.all(parts.map((p) => p.data()));
    return {
      loss: value,
      vitLoss: vitLoss![0]!,
      ...(btLoss && cbaLoss && { btLoss: btLoss[0]!, cbaLoss: cbaLoss[0]! }),
      predictions: predictions as Int32Array,
    };
  } finally {
    tf.dispose(owned);
  }
}

/** In this thread, a part of the batch after the other. See `BatchGradients`. */
export async function batchGradients(job: GradientJob): Promise<GradientResult> {
  const { model, images, microBatch, seed } = job;
  const variables = trainableVariables(model);
  const parts: tf.Tensor[] = [];
  const { encode, combine } = splitAtBatch(model);
  const { value, gradients } = cachedGradients(
    Object.values(variables),
    partsOf(images.shape[0], microBatch).map(([firstSample, count]) => () => {
      const part = count === images.shape[0] ? images : tf.slice(images, firstSample, count);
      return encode(part, { training: true, seed, firstSample });
    }),
    (encodings) => {
      const outputs = combine(encodings, { training: true, seed }) as unknown as BtnOutputs;
      const loss = job.loss(outputs);
      for (const part of loss.parts) parts.push(tf.keep(tf.clone(part)));
      return loss.total;
    },
    model.nonTrainableWeights.map((weight) => weight.read() as tf.Variable),
  );
  return { total: value, parts, gradients: byName(variables, gradients) };
}

/**
 * Cuts a batch into parts of at most `microBatch` samples.
 *
 * @returns First sample and count of each.
 * @throws ArgumentError for a `microBatch` below 1.
 *
 * @example
 * console.log(partsOf(10, 4)); // [ [ 0, 4 ], [ 4, 4 ], [ 8, 2 ] ]
 */
export function partsOf(batch: number, microBatch: number): [first: number, count: number][] {
  if (!Number.isInteger(microBatch) || microBatch < 1) {
    throw new ArgumentError(`microBatch must be an integer from 1 on, not ${microBatch}`);
  }
  const firsts = Array.from({ length: Math.ceil(batch / microBatch) }, (_, i) => i * microBatch);
  return firsts.map((first) => [first, Math.min(microBatch, batch - first)]);
}

function randomSeed(): number {
  return 1 + Math.floor(Math.random() * 0x7ffffffe);
}

/** Trainable weights by the name they are saved under, which is the same in every process. */
export function trainableVariables(model: LayersModel): Variables {
  return Object.fromEntries(
    model.trainableWeights.map((weight) => [weight.originalName, weight.read() as tf.Variable]),
  );
}

function byName(variables: Variables, gradients: readonly (tf.Tensor | null)[]): Gradients {
  return Object.fromEntries(
    Object.keys(variables).flatMap((name, i) => (gradients[i] ? [[name, gradients[i]]] : [])),
  );
}
