import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { MultiLevelAttention, ShapeError } from '../../src/index.js';
import { randomArray, tidied, toArray, toTensor } from '../support/arrays.js';
import { describeBackends, useBackend } from '../support/backends.js';
import { disposeWeights, layerContract } from '../support/layer_contract.js';
import { multiLevelAttention, type NdArray } from '../support/reference/index.js';

interface Options {
  numHeads: number;
  valueProjection?: boolean;
  outputProjection?: boolean;
  positionEmbedding?: boolean;
}

const referenceWith =
  ({ numHeads, valueProjection, outputProjection, positionEmbedding = true }: Options) =>
  (levels: NdArray[], weights: NdArray[]) => {
    const rest = [...weights];
    const next = () => ({ kernel: rest.shift()!, bias: rest.shift()! });
    return multiLevelAttention(
      levels,
      {
        query: next(),
        key: next(),
        ...(valueProjection && { value: next() }),
        ...(outputProjection && { output: next() }),
        ...(positionEmbedding && { positionEmbedding: rest.shift()! }),
      },
      numHeads,
    );
  };

const levels = [
  randomArray([2, 4, 8], 1, { scale: 0.5 }),
  randomArray([2, 2, 8], 2, { scale: 0.5 }),
  randomArray([2, 1, 8], 3, { scale: 0.5 }),
];
/** A shift of all scores of a query, which softmax takes out again. */
const withoutGradient = { keyBias: 'it adds the same to all scores of a query' };
const projection = 8 * 8 + 8;

layerContract(MultiLevelAttention, { seed: 3 }, levels, {
  parameters: { trainable: 2 * projection + 7 * 8 },
  reference: referenceWith({ numHeads: 8 }),
  withoutGradient,
});

layerContract(
  MultiLevelAttention,
  { numHeads: 2, valueProjection: true, outputProjection: true, dropout: 0.1 },
  levels,
  {
    parameters: { trainable: 4 * projection + 7 * 8 },
    reference: referenceWith({ numHeads: 2, valueProjection: true, outputProjection: true }),
    withoutGradient,
  },
);

layerContract(MultiLevelAttention, { numHeads: 4, positionEmbedding: false }, [levels[0]!], {
  parameters: { trainable: 2 * projection },
  reference: referenceWith({ numHeads: 4, positionEmbedding: false }),
  withoutGradient,
});

describeBackends('MultiLevelAttention', () => {
  it('has the published budget: 1,294,080 weights for 147 tokens of width 768', () => {
    const layer = new MultiLevelAttention();
    layer.build([null, 147, 768]);
    expect(layer.countParams()).toBe(1_294_080);
    disposeWeights(layer);
  });

  it('gives for one concatenated level what it gives for the levels', () => {
    const [many, one] = [
      new MultiLevelAttention({ seed: 5 }),
      new MultiLevelAttention({ seed: 5 }),
    ];
    tf.tidy(() => {
      const inputs = levels.map(toTensor);
      const together = one.apply(tf.concat(inputs, 1)) as tf.Tensor;
      const apart = tf.concat(many.apply(inputs) as tf.Tensor[], 1);
      expect(toArray(together)).toEqual(toArray(apart));
    });
    many.dispose();
    one.dispose();
  });

  it('drops out in training only, the same for the same seed', () => {
    const layer = new MultiLevelAttention({ dropout: 0.5, name: 'mla', seed: 1 });
    const call = (kwargs: object) =>
      tidied(() => (layer.apply(levels.map(toTensor), kwargs) as tf.Tensor[]).map(toArray));
    const whole = call({});
    expect(call({ training: false, seed: 4 })).toEqual(whole);
    const dropped = call({ training: true, seed: 4 });
    expect(dropped).not.toEqual(whole);
    expect(call({ training: true, seed: 4 })).toEqual(dropped);
    expect(call({ training: true, seed: 5 })).not.toEqual(dropped);
    layer.dispose();
  });
});

describe('errors of MultiLevelAttention', () => {
  useBackend('cpu');
  const apply = (...shapes: number[][]) =>
    tf.tidy(() => {
      new MultiLevelAttention({ numHeads: 2 }).apply(shapes.map((shape) => tf.zeros(shape)));
    });
  const applySymbols = (...shapes: number[][]) => {
    new MultiLevelAttention({ numHeads: 2 }).apply(
      shapes.map((shape) => tfl.input({ shape: shape.slice(1) })),
    );
  };

  it('name the level and both sizes, eager and symbolic', () => {
    for (const call of [apply, applySymbols]) {
      const width = () => call([2, 3, 4], [2, 3, 6]);
      expect(width).toThrow(ShapeError);
      expect(width).toThrow('level 1 has width 6, but level 0 has width 4');
      expect(() => call([2, 3, 4], [2, 4])).toThrow(/level 1 must have rank 3 .*rank 2/);
      expect(() => call([2, 3, 5])).toThrow('numHeads 2 must divide the width 5');
    }
    expect(() => apply([2, 3, 4], [5, 3, 4])).toThrow(
      'level 1 has batch 5, but level 0 has batch 2',
    );
  });

  it.each([-0.1, 1, Number.NaN])('name a dropout of %f', (dropout) => {
    const make = () => new MultiLevelAttention({ dropout });
    expect(make).toThrow(`MultiLevelAttention: dropout must be in [0, 1), not ${dropout}`);
  });

  it('ask for a token count that must be known', () => {
    const build = () => new MultiLevelAttention().apply(tfl.input({ shape: [null, 8] }));
    expect(build).toThrow(/MultiLevelAttention: axis 1 of its input .* must be known/);
  });
});
