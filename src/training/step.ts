import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { mixSeeds } from '../ops/seeds.js';
import { type BtnOutputs, btnLoss } from './loss.js';
import type { Gradients, Optimizer, Variables } from './optimizer.js';

/** Images `[B, H, W, 3]`, normalised, and labels `[B]` int32. */
export interface Batch {
  images: tf.Tensor4D;
  labels: tf.Tensor1D;
}

export interface TrainStepOptions {
  learningRate: number;
  /** Weight of the ViT loss. Default 1. */
  lambda?: number;
  /** Seed of random masks in the layers (drop-path, dropout); random when absent. */
  seed?: number;
}

/** Means over one batch. */
export interface StepResult {
  loss: number;
  vitLoss: number;
  btLoss?: number;
  cbaLoss?: number;
  /** Predictions of `vit` by sample. */
  predictions: Int32Array;
}

/** The loss of a step is not a number: the trainable weights were left as they were. */
export class LossNotFiniteError extends Error {
  override readonly name = 'LossNotFiniteError';
}

/** Runs a BTN on a whole batch. @returns Its outputs by name. */
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
 * @throws LossNotFiniteError when the loss is NaN or infinite; trainable weights and the optimizer
 *   are not touched then, but running averages have seen the batch: go on from a checkpoint.
 */
export async function trainStep(
  model: LayersModel,
  optimizer: Optimizer,
  { images, labels }: Batch,
  { learningRate, lambda, seed }: TrainStepOptions,
): Promise<StepResult> {
  const variables = trainableVariables(model);
  const owned: tf.Tensor[] = [];
  const gradientsAt = async (maskSeed: number | undefined) => {
    const { value, grads, parts } = differentiate(
      model,
      variables,
      images,
      labels,
      lambda,
      maskSeed,
    );
    owned.push(value, ...parts, ...Object.values(grads));
    const loss = (await value.data())[0]!;
    if (!Number.isFinite(loss)) throw new LossNotFiniteError(`the loss is ${loss}`);
    return { loss, parts, gradients: byWeightName(variables, grads) };
  };
  // As in PyTorch, a second pass draws its random masks anew.
  const again = async () =>
    (await gradientsAt(seed === undefined ? undefined : mixSeeds(seed, 1))).gradients;
  try {
    const { loss, parts, gradients } = await gradientsAt(seed);
    await optimizer.apply(variables, gradients, learningRate, again);
    const [predictions, vitLoss, btLoss, cbaLoss] = await Promise.all(parts.map((p) => p.data()));
    return {
      loss,
      vitLoss: vitLoss![0]!,
      ...(btLoss && cbaLoss && { btLoss: btLoss[0]!, cbaLoss: cbaLoss[0]! }),
      predictions: predictions as Int32Array,
    };
  } finally {
    tf.dispose(owned);
  }
}

/** Loss, gradients, and predictions with the parts of the loss, in order. */
function differentiate(
  model: LayersModel,
  variables: Variables,
  images: tf.Tensor4D,
  labels: tf.Tensor1D,
  lambda: number | undefined,
  seed: number | undefined,
) {
  const parts: tf.Tensor[] = [];
  const { value, grads } = tf.variableGrads(() => {
    const outputs = forward(model, images, { training: true, seed });
    const { total, vit, bt, cba } = btnLoss(outputs, labels, lambda);
    const predictions = tf.argMax(outputs.vit, 1);
    for (const part of [predictions, vit, bt, cba]) if (part) parts.push(tf.keep(tf.clone(part)));
    return total;
  }, Object.values(variables));
  return { value, grads, parts };
}

/** Trainable weights by the name they are saved under, which is the same in every process. */
function trainableVariables(model: LayersModel): Variables {
  return Object.fromEntries(
    model.trainableWeights.map((weight) => [weight.originalName, weight.read() as tf.Variable]),
  );
}

/** Renames gradients from the engine's variable names, which count up with each model built. */
function byWeightName(variables: Variables, gradients: tf.NamedTensorMap): Gradients {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, variable]) => {
      const gradient = gradients[variable.name];
      return gradient ? [[name, gradient]] : [];
    }),
  );
}
