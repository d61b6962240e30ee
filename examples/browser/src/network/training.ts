/** Trains the tiny network on the drawn faces, step by step. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn, btnConfig } from 'btn-layers/models';
import {
  Adam,
  augment,
  batches,
  learningRateAt,
  recipeOf,
  type StepResult,
  shuffled,
  trainStep,
} from 'btn-layers/training';
import { toStateDict } from 'btn-layers/weights';
import { type TrainingProgress, type TrainingSettings, undamaged } from '../protocol.js';
import type { Faces } from './face_sheets.js';
import { buildModel, type Metadata, type ModelSource } from './model_source.js';
import { seenBy } from './pictures.js';

/** Whose classes the drawn faces have. */
const dataType = 'RAF-DB';

export interface TrainingHooks {
  /** Runs each step while nothing else computes. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** At the end of an epoch. @returns The accuracy on unseen faces. */
  onEpoch(source: ModelSource): Promise<number>;
  onStep(progress: TrainingProgress): void;
  isStopped(): boolean;
}

/** @param start The model to go on from; random weights when absent. */
export async function trainOnFaces(
  faces: Faces,
  start: ModelSource | undefined,
  { epochs, seed }: TrainingSettings,
  { alone, onEpoch, onStep, isStopped }: TrainingHooks,
): Promise<void> {
  const recipe = { ...recipeOf(dataType, 'tiny'), epochs };
  const metadata = start?.metadata ?? newMetadata(faces, seed);
  const { images, labels, size } = examplesOf(faces, metadata);
  const stepsPerEpoch = Math.ceil(images.length / recipe.batchSize);
  const model = await alone(async () => (start ? buildModel(start) : btn(metadata.config)));
  const optimizer = new Adam();

  const runStep = async (indices: readonly number[], epoch: number, step: number) => {
    const pixels = joined(indices.map((index) => images[index]!));
    const values = augment({ pixels, size }, indices, recipe.augmentation, seed, epoch);
    const batch = {
      images: tf.tensor4d(values, [indices.length, size, size, 3]),
      labels: tf.tensor1d(
        indices.map((index) => labels[index]!),
        'int32',
      ),
    };
    try {
      return await trainStep(model, optimizer, batch, {
        learningRate: learningRateAt(recipe, epoch, step, stepsPerEpoch),
        microBatch: recipe.microBatch,
        seed: seed + epoch * stepsPerEpoch + step,
      });
    } finally {
      tf.dispose(Object.values(batch));
    }
  };

  try {
    const everyone = images.map((_, index) => index);
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = batches(shuffled(everyone, seed, epoch), recipe.batchSize);
      for (const [step, indices] of order.entries()) {
        const result = await alone(() => runStep(indices, epoch, step));
        const done = epoch * stepsPerEpoch + step + 1;
        const isLast = step + 1 === stepsPerEpoch;
        const { numTensors } = tf.memory();
        const accuracy = isLast ? await onEpoch(await sourceOf(model, metadata)) : undefined;
        onStep({
          step: done,
          steps: epochs * stepsPerEpoch,
          stepsPerEpoch,
          losses: lossesOf(result),
          ...(accuracy !== undefined && { accuracy }),
          tensors: numTensors,
        });
        // Requests of the page wait for a task of their own.
        await new Promise((resolve) => setTimeout(resolve));
        if (isStopped()) return;
      }
    }
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

function newMetadata({ classNames }: Faces, seed: number): Metadata {
  const config = btnConfig('tiny', { numClasses: classNames.length, seed });
  return { preset: 'tiny', config, dataType, classNames };
}

/** The faces as the network takes them, with labels by its own classes. */
function examplesOf({ classNames, pictures }: Faces, { config, classNames: known }: Metadata) {
  const size = config.inputSize;
  const labels = classNames.map((name) => {
    if (known.includes(name)) return known.indexOf(name);
    throw new Error(`the model has no class ${name}`);
  });
  return {
    size,
    images: pictures.flat().map((picture, id) => seenBy(picture, size, id, undamaged)),
    labels: pictures.flatMap((ofClass, c) => ofClass.map(() => labels[c]!)),
  };
}

async function sourceOf(model: LayersModel, metadata: Metadata): Promise<ModelSource> {
  return { name: 'trained here', metadata, stateDict: await toStateDict(model) };
}

function lossesOf({ vitLoss, btLoss, cbaLoss }: StepResult): TrainingProgress['losses'] {
  return {
    vit: vitLoss,
    ...(btLoss !== undefined && { bt: btLoss }),
    ...(cbaLoss !== undefined && { cba: cbaLoss }),
  };
}

function joined(images: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(images.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const image of images) {
    all.set(image, at);
    at += image.length;
  }
  return all;
}
