import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { ChannelPositionalEncoding, ShapeError } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { useBackend } from '../support/backends.js';
import { layerContract } from '../support/layer_contract.js';
import { add, channelPositionalEncoding } from '../support/reference/index.js';

const inputs = [randomArray([3, 4, 7], 1), randomArray([3, 4, 7], 2)];

layerContract(ChannelPositionalEncoding, {}, inputs, {
  parameters: { trainable: 0 },
  reference: ([query, key]) => {
    const encoding = channelPositionalEncoding(4, 7);
    return [add(query!, encoding), add(key!, encoding)];
  },
});

layerContract(ChannelPositionalEncoding, { encoding: 'learned', seed: 3 }, inputs, {
  parameters: { trainable: 4 * 7 },
  reference: ([query, key], [embedding]) => [add(query!, embedding!), add(key!, embedding!)],
});

describe('errors of ChannelPositionalEncoding', () => {
  useBackend('cpu');
  const apply = (...shapes: number[][]) =>
    tf.tidy(() => {
      new ChannelPositionalEncoding().apply(shapes.map((shape) => tf.zeros(shape)));
    });
  const applySymbols = (...shapes: number[][]) => {
    new ChannelPositionalEncoding().apply(
      shapes.map((shape) => tfl.input({ shape: shape.slice(1) })),
    );
  };

  it('name the input and both sizes, eager and symbolic', () => {
    for (const call of [apply, applySymbols]) {
      const features = () => call([2, 3, 4], [2, 3, 5]);
      expect(features).toThrow(ShapeError);
      expect(features).toThrow(/key has features 5, but query has features 4/);
      expect(() => call([2, 3, 4], [2, 7, 4])).toThrow(
        /key has classes 7, but query has classes 3/,
      );
      expect(() => call([2, 3], [2, 3, 4])).toThrow(/query must have rank 3 .*rank 2/);
    }
    expect(() => apply([2, 3, 4], [5, 3, 4])).toThrow(/key has batch 5, but query has batch 2/);
  });

  it('name an encoding that does not exist, and how many inputs were given', () => {
    const unknown = () => new ChannelPositionalEncoding({ encoding: 'rotary' as 'learned' });
    expect(unknown).toThrow("encoding must be 'sinusoidal' or 'learned', not 'rotary'");
    expect(() => apply([2, 3, 4])).toThrow('needs 2 inputs [query, key], but was given 1');
  });

  it('ask for sizes that must be known', () => {
    const symbol = () => tfl.input({ shape: [7, null] });
    const build = () => new ChannelPositionalEncoding().apply([symbol(), symbol()]);
    expect(build).toThrow(/ChannelPositionalEncoding: axis 2 of its input .* must be known/);
  });
});
