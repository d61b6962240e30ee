import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { btn, optimizeForInference } from '../../../src/models/index.js';
import { combineEncodings, encodeImages } from '../../../src/node/images/encode_images.js';
import {
  batchAttention,
  imagesToShow,
  wrongest,
} from '../../../src/node/report/batch_attention.js';
import type { ImagePrediction } from '../../../src/node/report/report.js';
import { seededRandom } from '../../../src/training/index.js';
import { smallConfig } from '../../models/small_config.js';
import { describeBackends } from '../../support/backends.js';
import { randomizeWeights } from '../../support/layer_contract.js';

const size = 56;

function randomImages(count: number) {
  const random = seededRandom(5);
  return {
    pixels: Uint8Array.from({ length: count * size * size * 3 }, () => random.integer(256)),
    size,
  };
}

describeBackends('batchAttention', () => {
  it.each(['sinusoidal', 'learned'] as const)(
    'gives the weights by which the network makes cba of vit, %s encoding',
    async (encoding) => {
      const whole = btn(smallConfig({ batchTransformer: { encoding } }));
      randomizeWeights(whole);
      const fast = optimizeForInference(whole);
      for (const model of [whole, fast]) {
        const encodings = await encodeImages(model, randomImages(5));
        const images = [4, 0, 3];
        const { weights, vit, cba, ...rest } = (await batchAttention(model, encodings, images))!;
        expect(rest).toEqual({ images });
        const logits = await combineEncodings(model, encodings, images);
        for (let i = 0; i < 3; i++) {
          for (let c = 0; c < 3; c++) {
            const row = weights[c]![i]!;
            expect(row.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 5);
            const mixed = row.reduce((sum, weight, j) => sum + weight * vit[j]![c]!, 0);
            expect(mixed).toBeCloseTo(logits.cba![3 * i + c]!, 4);
            expect(cba[i]![c]).toBeCloseTo(logits.cba![3 * i + c]!, 6);
            expect(vit[i]![c]).toBeCloseTo(logits.vit[3 * i + c]!, 6);
          }
        }
        // Not the same for all, or it would prove little.
        expect(Math.max(...weights.flat(2))).toBeGreaterThan(0.4);
      }
      fast.dispose();
      whole.dispose();
    },
  );

  it('has none of a network without batch transformer', async () => {
    const model = btn(smallConfig({ batchTransformer: false }));
    const encodings = await encodeImages(model, randomImages(2));
    const before = tf.memory().numTensors;
    expect(await batchAttention(model, encodings, [0, 1])).toBeUndefined();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

/** Of two classes; `ofLabel` is the probability of the true one. */
function image(label: number, ofLabel: number): ImagePrediction {
  const probabilities = label === 0 ? [ofLabel, 1 - ofLabel] : [1 - ofLabel, ofLabel];
  return {
    path: `${label}/${ofLabel}`,
    label,
    probabilities,
    prediction: ofLabel > 0.5 ? label : 1 - label,
  };
}

describe('images to show', () => {
  const predictions = [
    image(1, 0.9),
    image(0, 0.4),
    image(0, 0.7),
    image(1, 0.8),
    image(0, 0.1),
    image(0, 0.95),
    image(0, 0.3),
  ];

  it('are the most wrong and the most sure of each class in turn, in class order', () => {
    expect(imagesToShow(predictions, 4)).toEqual([4, 5, 0, 3]);
    expect(imagesToShow(predictions, 5)).toEqual([4, 5, 6, 0, 3]);
    expect(new Set(imagesToShow(predictions, 99))).toEqual(new Set(predictions.keys()));
    expect(imagesToShow([], 4)).toEqual([]);
  });

  it('are wrong from the lowest probability of the true class on', () => {
    expect(wrongest(predictions)).toEqual([4, 6, 1]);
  });
});
