import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { BatchTransformer, ShapeError } from '../../src/index.js';
import { randomArray, tidied, toArray, toTensor } from '../support/arrays.js';
import { describeBackends, useBackend } from '../support/backends.js';
import { disposeWeights, layerContract } from '../support/layer_contract.js';
import {
  batchTransformer,
  channelPositionalEncoding,
  map,
  type NdArray,
  ndArray,
} from '../support/reference/index.js';

const [query, key] = [randomArray([5, 3, 7], 1), randomArray([5, 3, 7], 2)];
const value = randomArray([5, 3], 3);
const mask = ndArray([5], [1, 1, 0, 1, 0]);

layerContract(BatchTransformer, {}, [query, key, value], {
  parameters: { trainable: 0 },
  reference: ([q, k, v]) =>
    batchTransformer(q!, k!, v!, channelPositionalEncoding(3, 7)).slice(0, 2),
});

layerContract(
  BatchTransformer,
  { encoding: 'learned', seed: 3, scale: 0.3, returnAttention: true },
  [query, key, value, mask],
  {
    constants: [3],
    parameters: { trainable: 3 * 7 },
    reference: ([q, k, v, m], [embedding]) =>
      batchTransformer(q!, k!, v!, embedding!, { scale: 0.3, mask: m }),
  },
);

describeBackends('BatchTransformer', () => {
  const call = (layer: BatchTransformer, inputs: NdArray[]) =>
    tidied(() => (layer.apply(inputs.map(toTensor)) as tf.Tensor[]).map(toArray));

  it('tells the attention that it weighs by, mask and all', () => {
    const config = { encoding: 'learned', seed: 3, scale: 0.3, returnAttention: true } as const;
    const layer = new BatchTransformer(config);
    const [, , expected] = call(layer, [query, key, value, mask]);
    const actual = tidied(() =>
      toArray(layer.attentionWeights(toTensor(query), toTensor(key), toTensor(mask))),
    );
    expect(actual).toEqual(expected);
    disposeWeights(layer);
  });

  it('is called on one sample as on none other: cba is the value, bt twice that', () => {
    const inputs = [randomArray([1, 4, 5], 1), randomArray([1, 4, 5], 2), randomArray([1, 4], 3)];
    const [cba, bt] = call(new BatchTransformer(), inputs);
    expect(cba).toEqual(inputs[2]);
    expect(bt).toEqual(map(inputs[2]!, (v) => 2 * v));
  });

  it('does not see what masked samples hold', () => {
    const layer = new BatchTransformer();
    const spoilt = [query, key, value].map((x) => {
      const perSample = x.data.length / 5;
      return map(x, (v, i) => (mask.data[Math.floor(i / perSample)] === 1 ? v : Number.NaN));
    });
    expect(call(layer, [...spoilt, mask])).toEqual(call(layer, [query, key, value, mask]));
  });

  it('takes a mask as a column, as fit and predict give it', () => {
    const column = ndArray([5, 1], mask.data);
    const layer = new BatchTransformer({ returnAttention: true });
    const expected = call(layer, [query, key, value, mask]);
    expect(call(layer, [query, key, value, column])).toEqual(expected);
    const weights = tidied(() =>
      toArray(layer.attentionWeights(toTensor(query), toTensor(key), toTensor(column))),
    );
    expect(weights).toEqual(expected[2]);

    const inputs = [[3, 7], [3, 7], [3], [1]].map((shape) => tfl.input({ shape }));
    const outputs = new BatchTransformer().apply(inputs) as tfl.SymbolicTensor[];
    const model = tfl.model({ inputs, outputs });
    const predicted = tidied(() => {
      const tensors = [query, key, value, column].map(toTensor);
      return (model.predict(tensors) as tf.Tensor[]).map(toArray);
    });
    expect(predicted).toEqual(expected.slice(0, 2));
  });

  it('knows its learned encoding from its seed', () => {
    const embedding = (seed: number) => {
      const layer = new BatchTransformer({ encoding: 'learned', seed });
      call(layer, [query, key, value]);
      const [weight] = layer.getWeights();
      const array = toArray(weight!);
      layer.dispose();
      return array;
    };
    expect(embedding(1)).toEqual(embedding(1));
    expect(embedding(1)).not.toEqual(embedding(2));
    // A truncated normal, σ 0.02, ends at 2σ.
    expect(Math.max(...embedding(1).data.map(Math.abs))).toBeLessThan(0.0401);
  });
});

describe('errors of BatchTransformer', () => {
  useBackend('cpu');
  const apply = (...shapes: number[][]) =>
    tf.tidy(() => {
      new BatchTransformer().apply(shapes.map((shape) => tf.zeros(shape)));
    });
  const applySymbols = (...shapes: number[][]) => {
    new BatchTransformer().apply(shapes.map((shape) => tfl.input({ shape: shape.slice(1) })));
  };

  it('name the layer, the input and both sizes, eager and symbolic', () => {
    for (const call of [apply, applySymbols]) {
      const classes = () => call([2, 3, 4], [2, 3, 4], [2, 7]);
      expect(classes).toThrow(ShapeError);
      expect(classes).toThrow(/BatchTransformer: value has classes 7, but query has classes 3/);
      expect(() => call([2, 3, 4], [2, 3, 5], [2, 3])).toThrow(
        /BatchTransformer: key has features 5, but query has features 4/,
      );
      expect(() => call([2, 3], [2, 3, 4], [2, 3])).toThrow(/query must have rank 3 .*rank 2/);
    }
    expect(() => apply([2, 3, 4], [5, 3, 4], [2, 3])).toThrow(/key has batch 5, .*batch 2/);
  });
});
