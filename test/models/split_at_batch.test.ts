import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { btn } from '../../src/models/index.js';
import { splitAtBatch } from '../../src/models/split_at_batch.js';
import { randomArray, toArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { smallConfig } from './small_config.js';

describeBackends('splitAtBatch', () => {
  const images = (count: number, size: number) =>
    toTensor(randomArray([count, size, size, 3], 1)) as tf.Tensor4D;

  it.each([true, false])(
    'gives the outputs of the whole model, batchTransformer %s',
    (batchTransformer) => {
      const model = btn(smallConfig({ batchTransformer }));
      const before = tf.memory().numTensors;
      tf.tidy(() => {
        const x = images(3, smallConfig().inputSize);
        const { encode, combine } = splitAtBatch(model);
        const encodings = [0, 1, 2].map((i) => encode(tf.slice(x, i, 1), {}));
        const whole = encodings[0]!.map((_, k) => tf.concat(encodings.map((each) => each[k]!)));
        const outputs = combine(whole, {});
        const expected = [model.apply(x) as tf.Tensor | tf.Tensor[]].flat();
        expect(Object.keys(outputs)).toEqual(model.outputNames);
        for (const [i, name] of model.outputNames.entries()) {
          const [actual, wanted] = [toArray(outputs[name]!), toArray(expected[i]!)];
          expect(actual.shape).toEqual(wanted.shape);
          for (const [j, value] of wanted.data.entries())
            expect(actual.data[j]).toBeCloseTo(value, 5);
        }
      });
      expect(tf.memory().numTensors).toBe(before);
      model.dispose();
    },
  );

  it('leaves a model that can be disposed of whole', () => {
    const before = tf.memory().numTensors;
    const model: tfl.LayersModel = btn(smallConfig());
    splitAtBatch(model);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
