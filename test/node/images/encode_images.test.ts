import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { btn, optimizeForInference } from '../../../src/models/index.js';
import {
  combineEncodings,
  encodeImages,
  joinEncodings,
  viewsOf,
  vitProbabilities,
} from '../../../src/node/images/encode_images.js';
import {
  type Images,
  normalise,
  probabilitiesOf,
  seededRandom,
} from '../../../src/training/index.js';
import { smallConfig } from '../../models/small_config.js';
import { describeBackends } from '../../support/backends.js';
import { difference, magnitude } from '../../support/goldens.js';
import { randomizeWeights } from '../../support/layer_contract.js';

const size = 56;
const imageLength = size * size * 3;

function randomImages(count: number): Images {
  const random = seededRandom(5);
  return {
    pixels: Uint8Array.from({ length: count * imageLength }, () => random.integer(256)),
    size,
  };
}

const some = ({ pixels }: Images, indices: readonly number[]): Images => ({
  pixels: Uint8Array.from(
    indices.flatMap((i) => [...pixels.subarray(i * imageLength, (i + 1) * imageLength)]),
  ),
  size,
});

/** The outputs by name, as the model itself gives them for a batch. */
function outputsOf(model: LayersModel, { pixels }: Images): Record<string, Float32Array> {
  const count = pixels.length / imageLength;
  const images = tf.tensor4d(normalise({ pixels, size }), [count, size, size, 3]);
  const outputs = [model.predictOnBatch(images)].flat() as tf.Tensor[];
  const values = outputs.map((output) => output.dataSync() as Float32Array);
  tf.dispose([images, ...outputs]);
  return Object.fromEntries(model.outputNames.map((name, i) => [name, values[i]!]));
}

function randomModel(): LayersModel {
  const model = btn(smallConfig());
  randomizeWeights(model);
  return model;
}

function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const [a, b] = [Float32Array.from(actual), Float32Array.from(expected)];
  expect(difference(a, b) / magnitude(b)).toBeLessThan(1e-5);
}

describeBackends('combineEncodings', () => {
  it('gives any batch the outputs that the network gives it, however it was encoded', async () => {
    const model = randomModel();
    const fast = optimizeForInference(model);
    const images = randomImages(5);
    const parts = await Promise.all(
      [[0, 1, 2], [3], [4]].map((indices) => encodeImages(fast, some(images, indices))),
    );
    const encodings = joinEncodings(parts);
    for (const batch of [[0, 1, 2, 3, 4], [4, 1, 3], [2]]) {
      const expected = outputsOf(model, some(images, batch));
      const actual = await combineEncodings(fast, encodings, batch);
      expect(Object.keys(actual).sort()).toEqual(['bt', 'cba', 'vit']);
      for (const name of ['vit', 'bt', 'cba'] as const) expectSame(actual[name]!, expected[name]!);
    }
    // Company matters to bt and cba, else the above would show little.
    const [alone, together] = [
      await combineEncodings(fast, encodings, [2]),
      await combineEncodings(fast, encodings, [2, 0, 1]),
    ];
    expectSame(together.vit.subarray(0, 3), alone.vit);
    const moved = difference(together.cba!.subarray(0, 3), alone.cba!) / magnitude(alone.cba!);
    expect(moved).toBeGreaterThan(0.01);
    model.dispose();
    fast.dispose();
  });

  it('refuses an output that is not a number', async () => {
    const model = randomModel();
    const bias = model.getLayer('vit').weights[1]!;
    const ruined = tf.fill(bias.shape as number[], Number.NaN);
    bias.write(ruined);
    ruined.dispose();
    const encodings = await encodeImages(model, randomImages(1));
    await expect(combineEncodings(model, encodings, [0])).rejects.toThrow(
      "the network's output is NaN: its weights are ruined, as by too large a --lr",
    );
    model.dispose();
  });
});

describeBackends('vitProbabilities', () => {
  it('are the softmax of vit, and of two views their mean', async () => {
    const model = randomModel();
    const encode = (each: Images) => encodeImages(model, each);
    const images = randomImages(2);
    const [, mirror] = viewsOf(images, true);
    const of = (each: Images) => probabilitiesOf(outputsOf(model, each).vit!, 3);
    expectSame(await vitProbabilities(encode, images), of(images));
    const mean = of(images).map((value, i) => (value + of(mirror!)[i]!) / 2);
    expectSame(await vitProbabilities(encode, images, true), mean);
    expect(Math.abs(mean[0]! - of(images)[0]!)).toBeGreaterThan(1e-3);
    model.dispose();
  });
});

it('mirrors each image, and leaves the one given as it is', () => {
  const images = randomImages(2);
  const before = images.pixels.slice();
  const [same, mirror] = viewsOf(images, true);
  expect(same).toBe(images);
  expect(images.pixels).toEqual(before);
  for (let i = 0; i < 2 * size * size; i++) {
    const [row, x] = [Math.floor(i / size), i % size];
    const at = 3 * (row * size + (size - 1 - x));
    expect([...mirror!.pixels.subarray(3 * i, 3 * i + 3)]).toEqual([
      ...before.subarray(at, at + 3),
    ]);
  }
  expect(viewsOf(images, false)).toEqual([images]);
});
