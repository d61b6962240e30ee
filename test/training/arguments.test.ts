/** Arguments that fit no definition are refused, each by a message that says what was wrong and what is expected. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/ops/errors.js';
import * as training from '../../src/training/index.js';
import { describeBackends } from '../support/backends.js';

const image = { pixels: new Uint8Array(12), size: 2 };
const settings = { learningRate: 1, warmupEpochs: 0, epochs: 1 };
const noSuch = 'nope' as never;

describe('arguments', () => {
  it.each<[name: string, call: () => unknown, message: string]>([
    [
      'class weights',
      () => training.balancedClassWeights([0, 5], 2),
      'labels[1] is 5: expected an integer from 0 to 1',
    ],
    [
      'interval, label',
      () => training.accuracyIntervals([0, 9], [0, 1], 2, { seed: 1 }),
      'labels[1] is 9',
    ],
    [
      'interval, prediction',
      () => training.accuracyIntervals([0, 1], [0, -1], 2, { seed: 1 }),
      'predictions[1] is -1',
    ],
    [
      'interval, lengths',
      () => training.accuracyIntervals([0, 1], [0], 2, { seed: 1 }),
      '1 predictions for 2 labels',
    ],
    [
      'rows of logits',
      () => training.probabilitiesOf([1, 2, 3], 2),
      'logits has 3 values: expected rows of 2 classes',
    ],
    [
      'rows of scores',
      () => training.predictedClasses([1, 2, 3], 2),
      'scores has 3 values: expected rows of 2 classes',
    ],
    [
      'bins',
      () => training.calibration([1, 0], [0], 2, 0),
      'calibration: numBins is 0: expected an integer from 1 on',
    ],
    [
      'indices',
      () => training.augment(image, [0, 1], { flip: 0 }, 1, 0),
      'augment: 2 indices for 1 images',
    ],
    [
      'augmentation',
      () => training.augment(image, [0], { flip: 2 }, 1, 0),
      'augment: flip must be a number from 0 to 1, not 2',
    ],
    [
      'a place for values',
      () => training.augment(image, [0], { flip: 0 }, 1, 0, new Float32Array(11)),
      'augment: into has 11 values: expected 12 or more',
    ],
    [
      'parts of pixels',
      () => training.normalise({ pixels: new Uint8Array(4), size: 1 }),
      'normalise: 4 bytes: expected three for each pixel',
    ],
    [
      'more than fits',
      () => training.resizeBilinear(new Uint8Array(3), [1, 1], [20_000, 20_000]),
      'resizeBilinear: 20000 × 20000 pixels are too many',
    ],
    [
      'a place for pixels',
      () => training.resizeBilinear(image.pixels, [2, 2], [1, 1], new Uint8Array(4)),
      'resizeBilinear: into has 4 bytes: expected 3, 1 × 1 pixels of three',
    ],
    [
      'pixels',
      () => training.resizeBilinear(image.pixels, [3, 2], [1, 1]),
      'resizeBilinear: 12 bytes for 3 × 2 pixels of three',
    ],
    [
      'size',
      () => training.resizeBilinear(image.pixels, [2, 2], [0, 1]),
      'resizeBilinear: outHeight is 0: expected an integer from 1 on',
    ],
    [
      'data type',
      () => training.classNamesOf(noSuch),
      'data type is nope: expected one of RAF-DB, AffectNet-7, AffectNet-8',
    ],
    ['data type of a recipe', () => training.recipeOf(noSuch, 'full'), 'data type is nope'],
    [
      'schedule',
      () => training.learningRateAt({ ...settings, schedule: noSuch }, 0, 0, 1),
      'schedule is nope: expected one of exponential, cosine',
    ],
    [
      'beta',
      () => new training.Adam({ beta1: 1 }),
      'Adam: beta1 is 1: expected a number from 0 to below 1',
    ],
    [
      'decay',
      () => new training.AdamW({ weightDecay: -1 }),
      'AdamW: weightDecay is -1: expected a number from 0 on',
    ],
    [
      'momentum',
      () => new training.Sgd({ momentum: Number.NaN }),
      'Sgd: momentum is NaN: expected a number from 0 on',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });
});

describeBackends('arguments of losses', () => {
  const makeLogits = () => tf.tensor2d([1, 2, 3, 4], [2, 2]);

  it('a label that is no class makes the loss NaN, with class weights too', () => {
    for (const wrong of [2, -1]) {
      tf.tidy(() => {
        const labels = tf.tensor1d([0, wrong], 'int32');
        for (const options of [{}, { classWeights: [1, 2] }, { labelSmoothing: 0.1 }]) {
          expect(
            training.btnLoss({ vit: makeLogits() }, labels, options).total.dataSync()[0],
          ).toBeNaN();
        }
      });
    }
  });

  it('smoothing is from 0 to 1', () => {
    tf.tidy(() => {
      const call = () =>
        training.crossEntropy(makeLogits(), tf.oneHot([0, 1], 2), { labelSmoothing: 2 });
      expect(call).toThrow('crossEntropy: labelSmoothing is 2: expected a number from 0 to 1');
    });
  });
});
