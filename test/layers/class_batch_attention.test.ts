import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { ClassBatchAttention, ShapeError } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { describeBackends, useBackend } from '../support/backends.js';
import { layerContract } from '../support/layer_contract.js';
import {
  classBatchAttention,
  classBatchAttentionWeights,
  ndArray,
} from '../support/reference/index.js';

const [query, key] = [randomArray([5, 3, 7], 1), randomArray([5, 3, 7], 2)];
const value = randomArray([5, 3], 3);
const mask = ndArray([5], [1, 1, 0, 1, 0]);
const parameters = { trainable: 0 };

layerContract(ClassBatchAttention, {}, [query, key, value], {
  parameters,
  reference: ([q, k, v]) => classBatchAttention(q!, k!, v!),
});

layerContract(
  ClassBatchAttention,
  { scale: 0.3, returnAttention: true },
  [query, key, value, mask],
  {
    constants: [3],
    parameters,
    reference: ([q, k, v, m]) => {
      const options = { scale: 0.3, mask: m };
      return [
        classBatchAttention(q!, k!, v!, options),
        classBatchAttentionWeights(q!, k!, options),
      ];
    },
  },
);

describeBackends('ClassBatchAttention in a model', () => {
  it('sees the whole batch in predictOnBatch, and 32 at a time in predict', () => {
    const symbols = [[2, 3], [2, 3], [2]].map((shape) => tfl.input({ shape }));
    const output = new ClassBatchAttention().apply(symbols) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: symbols, outputs: output });
    tf.tidy(() => {
      const inputs = [
        [33, 2, 3],
        [33, 2, 3],
        [33, 2],
      ].map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', i + 1));
      const together = (model.predictOnBatch(inputs) as tf.Tensor).dataSync();
      const split = (model.predict(inputs) as tf.Tensor).dataSync();
      const last = inputs[2]!.dataSync().slice(-2);
      expect([...split.slice(-2)]).toEqual([...last]);
      expect([...together.slice(-2)]).not.toEqual([...last]);
    });
    model.dispose();
  });
});

describe('errors of ClassBatchAttention', () => {
  useBackend('cpu');
  const apply = (...shapes: number[][]) =>
    tf.tidy(() => {
      new ClassBatchAttention().apply(shapes.map((shape) => tf.zeros(shape)));
    });
  const applySymbols = (...shapes: number[][]) => {
    new ClassBatchAttention().apply(shapes.map((shape) => tfl.input({ shape: shape.slice(1) })));
  };

  it('name the input and both sizes, eager and symbolic', () => {
    for (const call of [apply, applySymbols]) {
      const classes = () => call([2, 3, 4], [2, 3, 4], [2, 7]);
      expect(classes).toThrow(ShapeError);
      expect(classes).toThrow(/ClassBatchAttention: value has classes 7, but query has classes 3/);
      expect(() => call([2, 3, 4], [2, 3, 5], [2, 3])).toThrow(
        /key has features 5, but query has features 4/,
      );
      expect(() => call([2, 3, 4], [2, 3, 4], [2, 3, 1])).toThrow(
        /value must have rank 2 .*rank 3/,
      );
      expect(() => call([2, 3, 4], [2, 3, 4], [2, 3], [2, 2])).toThrow(
        /mask must have rank 1 .*rank 2/,
      );
      expect(() => call([2, 3, 4], [2, 3, 4], [2, 3], [2, 1])).not.toThrow();
      expect(() => call([2, 3, 4], [2, 3, 4])).toThrow('was given 2');
    }
    expect(() => apply([2, 3, 4], [2, 3, 4], [5, 3])).toThrow(
      /value has batch 5, but query has batch 2/,
    );
  });
});
