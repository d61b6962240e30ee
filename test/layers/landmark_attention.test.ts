import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { LandmarkAttention, ShapeError } from '../../src/index.js';
import { randomArray, toArray, toTensor } from '../support/arrays.js';
import { useBackend } from '../support/backends.js';
import { layerContract, randomizeWeights } from '../support/layer_contract.js';
import { landmarkAttention } from '../support/reference/index.js';

layerContract(
  LandmarkAttention,
  { numHeads: 2, seed: 3 },
  [randomArray([2, 9, 4], 1), randomArray([2, 9, 4], 2)],
  {
    parameters: { trainable: 4 * 8 + 8 + 4 * 4 + 4 + 25 * 2 },
    reference: ([image, landmarks], [kernel, bias, outputKernel, outputBias, table]) =>
      landmarkAttention(image!, landmarks!, {
        keyValue: { kernel: kernel!, bias: bias! },
        output: { kernel: outputKernel!, bias: outputBias! },
        table: table!,
      }),
  },
);

describe('LandmarkAttention with a bias by pair', () => {
  useBackend('cpu');

  it('gives what the table of distances gives', () => {
    const inputs = [randomArray([2, 9, 4], 1), randomArray([2, 9, 4], 2)];
    tf.tidy(() => {
      const tensors = inputs.map(toTensor);
      const byDistance = new LandmarkAttention({ numHeads: 2 });
      byDistance.apply(tensors);
      randomizeWeights(byDistance);
      const byPair = new LandmarkAttention({ numHeads: 2, biasBy: 'pair' });
      byPair.apply(tensors);
      byPair.setWeights([...byDistance.getWeights().slice(0, -1), byDistance.pairBias()]);
      expect(byPair.weights.at(-1)!.shape).toEqual([2, 9, 9]);
      const [actual, expected] = [byPair, byDistance].map((layer) =>
        toArray(layer.apply(tensors) as tf.Tensor),
      );
      expect(actual).toEqual(expected);
    });
  });
});

describe('errors of LandmarkAttention', () => {
  useBackend('cpu');
  const apply = (...shapes: number[][]) =>
    tf.tidy(() => {
      new LandmarkAttention({ numHeads: 2 }).apply(shapes.map((shape) => tf.zeros(shape)));
    });
  const applySymbols = (...shapes: number[][]) =>
    new LandmarkAttention({ numHeads: 2 }).apply(
      shapes.map((shape) => tfl.input({ shape: shape.slice(1) })),
    );

  it('name the input and both sizes, eager and symbolic', () => {
    for (const call of [apply, applySymbols]) {
      const tokens = () => call([2, 9, 4], [2, 4, 4]);
      expect(tokens).toThrow(ShapeError);
      expect(tokens).toThrow(/landmarks has tokens 4, but image has tokens 9/);
      const width = () => call([2, 9, 4], [2, 9, 6]);
      expect(width).toThrow(/landmarks has width 6, but image has width 4/);
      expect(() => call([2, 9, 4], [2, 3, 3, 4])).toThrow(/landmarks must have rank 3 .*rank 4/);
    }
  });

  it('say that tokens are no square, or heads no divisor', () => {
    expect(() => apply([2, 8, 4], [2, 8, 4])).toThrow('8 tokens are not a square map');
    expect(() => apply([2, 9, 5], [2, 9, 5])).toThrow('numHeads 2 must divide the width 5');
    expect(() => apply([2, 9, 4])).toThrow('needs 2 inputs [image, landmarks], but was given 1');
  });
});
