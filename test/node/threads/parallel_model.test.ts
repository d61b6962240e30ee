import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, expect, it } from 'vitest';
import { btn } from '../../../src/models/index.js';
import { encodeImages } from '../../../src/node/images/encode_images.js';
import { inThreads, type ParallelModel } from '../../../src/node/threads/parallel_model.js';
import { UserError } from '../../../src/node/user_error.js';
import { Adam, Sam, trainStep } from '../../../src/training/index.js';
import { smallConfig } from '../../models/small_config.js';
import { randomArray, toTensor } from '../../support/arrays.js';
import { describeBackends } from '../../support/backends.js';

const count = 7;

function smallBtn(options: Parameters<typeof smallConfig>[0] = {}): tfl.LayersModel {
  const config = smallConfig(options);
  config.fusion = { ...config.fusion, dropPath: [0.2, 0.2, 0.2], layerScale: 1 };
  return btn(config);
}

const weightsOf = (model: tfl.LayersModel) =>
  model.weights.map((weight) => [weight.originalName, [...weight.read().dataSync()]]);

function smallImages() {
  const { inputSize: size } = smallConfig();
  const pixels = Uint8Array.from({ length: count * size * size * 3 }, (_, i) => (i * 7919) % 256);
  return { pixels, size };
}

function suite(): void {
  let parallel: ParallelModel | undefined;
  afterEach(() => parallel?.close());

  /** Trains for two steps in micro-batches of 2. */
  async function train(threads: number, options: Parameters<typeof smallConfig>[0] = {}) {
    const model = smallBtn(options);
    const optimizer = new Sam(new Adam());
    const { inputSize: size } = smallConfig();
    const images = toTensor(randomArray([count, size, size, 3], 1)) as tf.Tensor4D;
    const labels = tf.tensor1d([0, 1, 2, 0, 1, 2, 0], 'int32');
    if (threads > 0) parallel = await inThreads(model, threads);
    const tensors: number[] = [];
    const losses: number[] = [];
    for (let i = 0; i < 2; i++) {
      const step = await trainStep(
        model,
        optimizer,
        { images, labels },
        {
          learningRate: 1e-2,
          seed: 3 + i,
          microBatch: 2,
          ...(threads > 0 && { gradients: parallel!.gradients }),
        },
      );
      losses.push(step.loss);
      tensors.push(tf.memory().numTensors);
    }
    expect(tensors[1]).toBe(tensors[0]);
    const weights = weightsOf(model);
    await parallel?.close();
    parallel = undefined;
    optimizer.dispose();
    model.dispose();
    tf.dispose([images, labels]);
    return { losses, weights };
  }

  it('takes the very steps of one thread, bit for bit, however many they are', async () => {
    const alone = await train(0);
    expect(alone.losses[1]).toBeLessThan(alone.losses[0]!);
    // Four parts: some threads have several, or none.
    for (const threads of [3, 5]) expect(await train(threads)).toEqual(alone);
  });

  it('does so without a batch transformer, too', async () => {
    const options = { batchTransformer: false };
    expect(await train(2, options)).toEqual(await train(0, options));
  });

  it('encodes images as the model itself does, with its latest weights', async () => {
    const model = smallBtn();
    parallel = await inThreads(model, 2);
    const images = smallImages();
    for (let i = 0; i < 2; i++) {
      const expected = await encodeImages(model, images);
      const all = await Promise.all([0, 1, 2, 3, 4].map(() => parallel!.encode(images)));
      for (const each of all) expect(each).toEqual(expected);
      for (const weight of model.trainableWeights) {
        tf.tidy(() => {
          weight.write(tf.mul(weight.read(), 1.1));
        });
      }
      parallel.weightsChanged();
    }
    model.dispose();
  });

  it('says what a thread died of, to all who wait and to who asks later', async () => {
    const model = smallBtn();
    parallel = await inThreads(model, 2);
    const images = smallImages();
    const bad = { ...images, pixels: images.pixels.subarray(1) };
    const waiting = [parallel.encode(images), parallel.encode(bad), parallel.encode(images)];
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.slice(1).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const { reason } = outcomes[1] as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(UserError);
    expect(reason.message).toMatch(/^a worker thread died: /);
    await expect(parallel.encode(images)).rejects.toThrow('a worker thread died');
    model.dispose();
  });

  it('ends while a job is under way', async () => {
    const model = smallBtn();
    parallel = await inThreads(model, 1);
    const job = expect(parallel.encode(smallImages())).rejects.toThrow('closed');
    await parallel.close();
    await job;
    model.dispose();
  });
}

describeBackends('a model in threads', suite, { only: ['wasm', 'tensorflow'] });
