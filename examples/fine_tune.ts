/**
 * Fine-tunes a BTN from converted weights, in a loop of one's own: seven classes were learned, eight are wanted, from
 * few pictures. All that fits is taken over, the class maps and the head begin anew; the same training from random
 * weights is there to compare.
 *
 *     npx tsx examples/fine_tune.ts
 *     npx tsx examples/fine_tune.ts --weights mine.safetensors --data path/to/affectnet
 *
 * Weights: those of a tiny BTN as `npx btn-layers convert runs/demo mine.safetensors` writes them. Without, the example
 * trains some for a few minutes on drawn faces; without data, it draws that too. From the authors' .pth read a state dict
 * by `loadTorchCheckpoint` and build the network of its size, btnConfig('full', …). To go on with the same classes no
 * program is needed: `npx btn-layers train --data … --resume weights`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn, btnConfig } from 'btn-layers/models';
import {
  convert,
  type ImageSource,
  imageFolder,
  imageSource,
  progressReporter,
  selectBackend,
  train,
} from 'btn-layers/node';
import { Adam, batches, forward, normalise, shuffled, trainStep } from 'btn-layers/training';
import { applyStateDict, readSafetensors, type StateDict } from 'btn-layers/weights';
import { drawIllustratedFaces } from './illustrated_faces/draw.js';

const { values } = parseArgs({
  options: {
    weights: { type: 'string' },
    data: { type: 'string' },
    epochs: { type: 'string', default: '4' },
    'train-per-class': { type: 'string', default: '20' },
    'test-per-class': { type: 'string', default: '40' },
    'first-train-per-class': { type: 'string', default: '100' },
    'first-epochs': { type: 'string', default: '6' },
    work: { type: 'string', default: join('runs', `fine_tune_${Date.now()}`) },
  },
});
const dataType = 'AffectNet-8';

/** Weights of a BTN-7 that learned from drawn faces of other people. */
async function makeWeights(): Promise<string> {
  const data = join(values.work, 'first_faces');
  const perClass = Number(values['first-train-per-class']);
  await drawIllustratedFaces({ out: data, trainPerClass: perClass, testPerClass: 4, seed: 1 });
  const { folder } = await train({
    data,
    preset: 'tiny',
    epochs: Number(values['first-epochs']),
    out: join(values.work, 'first_run'),
    reporter: progressReporter(),
  });
  const to = join(values.work, 'seven_classes.safetensors');
  return (await convert({ from: folder.last, to })).path;
}

async function drawData(): Promise<string> {
  const out = join(values.work, 'faces');
  const trainPerClass = Number(values['train-per-class']);
  const testPerClass = Number(values['test-per-class']);
  await drawIllustratedFaces({ out, dataType, trainPerClass, testPerClass, seed: 2 });
  return out;
}

/** Images `[N, S, S, 3]` and labels `[N]` for the network; the caller disposes them. */
async function load(source: ImageSource, indices: number[]) {
  const { pixels, labels } = await source.read(indices);
  const { size } = source;
  const values = normalise({ pixels, size });
  return {
    images: tf.tensor4d(values, [labels.length, size, size, 3]),
    labels: tf.tensor1d(labels),
  };
}

async function learn(model: LayersModel, source: ImageSource): Promise<void> {
  const optimizer = new Adam();
  for (let epoch = 0; epoch < Number(values.epochs); epoch++) {
    for (const indices of batches(shuffled(source.usable(), 1, epoch), 32)) {
      const batch = await load(source, indices);
      await trainStep(model, optimizer, batch, { learningRate: 1e-3, microBatch: 8 });
      tf.dispose(batch);
    }
  }
  optimizer.dispose();
}

/** By `vit`, each image alone, in percent. */
async function accuracy(model: LayersModel, source: ImageSource): Promise<number> {
  let right = 0;
  for (const indices of batches(source.usable(), 32)) {
    const { images, labels } = await load(source, indices);
    right += tf.tidy(() => {
      const predicted = tf.argMax(forward(model, images).vit, 1);
      return tf.sum(tf.cast(tf.equal(predicted, labels), 'int32')).dataSync()[0]!;
    }) as unknown as number;
    tf.dispose([images, labels]);
  }
  return (100 * right) / source.usable().length;
}

async function main(): Promise<void> {
  await selectBackend();
  const weights = values.weights ?? (await makeWeights());
  const { tensors } = readSafetensors(await readFile(weights));
  const data = values.data ?? (await drawData());
  const { train, test } = await imageFolder(data, dataType);

  const results: Record<string, number> = {};
  for (const [start, stateDict] of Object.entries({ converted: tensors, random: undefined }) as [
    string,
    StateDict?,
  ][]) {
    const config = btnConfig('tiny', { numClasses: 8, seed: 1 });
    const model = btn(config);
    if (stateDict) {
      // Not strict: what has another shape for eight classes keeps its initial values.
      const { matched, mismatched } = applyStateDict(model, stateDict, { strict: false });
      console.log(`${matched.length} weights taken from ${weights}, anew begin:`);
      console.log(`  ${mismatched.map(({ name }) => name).join(', ')}`);
    }
    await learn(model, imageSource(train, config.inputSize));
    results[start] = await accuracy(model, imageSource(test, config.inputSize));
    model.dispose();
  }
  console.log(
    `${train.length} pictures to learn from, ${values.epochs} epochs; right of ${test.length} others:`,
  );
  for (const [start, percent] of Object.entries(results)) {
    console.log(`  from ${start} weights: ${percent.toFixed(1)} %`);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
