import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { BtnBatchNorm, type BtnBatchNormConfig } from '../../src/index.js';
import { weightName } from '../../src/layers/weight_name.js';
import { randomArray, tidied, toArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectClose } from '../support/gradient_check.js';
import { disposeWeights, layerContract, randomizeWeights } from '../support/layer_contract.js';
import {
  batchNorm,
  batchNormWith,
  map,
  type NdArray,
  ndArray,
} from '../support/reference/index.js';

const x = randomArray([3, 4, 5, 2], 1, { scale: 2, shift: 0.5 });
const movingStatistics = ['movingMean', 'movingVariance'];

for (const config of [{}, { epsilon: 0.1, momentum: 0.5 }] as BtnBatchNormConfig[]) {
  layerContract(BtnBatchNorm, config, [x], {
    parameters: { trainable: 4, other: 4 },
    reference: ([at], [gamma, beta, mean, variance]) =>
      batchNormWith(at!, gamma!, beta!, mean!, variance!, config.epsilon ?? 1e-5),
    movingStatistics,
  });
}

layerContract(BtnBatchNorm, {}, [randomArray([6, 3], 1)], {
  parameters: { trainable: 6, other: 6 },
  reference: ([at], [gamma, beta, mean, variance]) =>
    batchNormWith(at!, gamma!, beta!, mean!, variance!, 1e-5),
  movingStatistics,
});

/** A layer with random weights, one call of it, and what its weights were and are. */
function callOnce(config: BtnBatchNormConfig, input: NdArray, training: boolean) {
  const layer = new BtnBatchNorm(config);
  layer.build([...input.shape]);
  randomizeWeights(layer);
  const read = () =>
    Object.fromEntries(layer.weights.map((w) => [weightName(layer, w), toArray(w.read())]));
  const before = read();
  const output = tidied(() => toArray(layer.apply(toTensor(input), { training }) as tf.Tensor));
  const after = read();
  disposeWeights(layer);
  return { output, before, after };
}

const blend = (old: NdArray, now: NdArray, momentum: number) =>
  map(old, (v, i) => momentum * v + (1 - momentum) * now.data[i]!);

describeBackends('BtnBatchNorm', () => {
  it.each([
    [{}, 1e-5, 0.9],
    [{ epsilon: 0.1, momentum: 0.7 }, 0.1, 0.7],
  ] as [BtnBatchNormConfig, number, number][])(
    'normalises by the batch in training and moves its averages by the unbiased variance: %j',
    (config, epsilon, momentum) => {
      const { output, before, after } = callOnce(config, x, true);
      const [expected, mean, variance] = batchNorm(x, before.gamma!, before.beta!, epsilon);
      expectClose([output], expected);
      // 60 values per channel.
      const unbiased = map(variance, (v) => (v * 60) / 59);
      const { movingMean, movingVariance } = before;
      expectClose([after.movingMean!], blend(movingMean!, mean, momentum), 1e-6);
      expectClose([after.movingVariance!], blend(movingVariance!, unbiased, momentum), 1e-6);
      expect([after.gamma, after.beta]).toEqual([before.gamma, before.beta]);
    },
  );

  it('uses its averages in inference, and leaves them', () => {
    const { output, before, after } = callOnce({}, x, false);
    const { gamma, beta, movingMean, movingVariance } = before;
    expectClose([output], batchNormWith(x, gamma!, beta!, movingMean!, movingVariance!, 1e-5));
    expect(after).toEqual(before);
  });

  it('is left alone in training when it is not trainable', () => {
    const frozen = callOnce({ trainable: false }, x, true);
    expect(frozen.output).toEqual(callOnce({}, x, false).output);
    expect(frozen.after).toEqual(frozen.before);
  });

  it("uses and moves batch statistics with frozenStatistics 'batch', as the authors' code does", () => {
    const frozen = callOnce({ trainable: false, frozenStatistics: 'batch' }, x, true);
    const trained = callOnce({}, x, true);
    expect(frozen.output).toEqual(trained.output);
    expect(frozen.after).toEqual(trained.after);
    const inference = callOnce({ trainable: false, frozenStatistics: 'batch' }, x, false);
    expect(inference.output).toEqual(callOnce({}, x, false).output);
    expect(inference.after).toEqual(inference.before);
  });

  it('refuses to train on one value per channel, and says what it was given', () => {
    const one = ndArray([1, 1, 1, 2], [1, 2]);
    const layer = new BtnBatchNorm({ name: 'norm' });
    layer.build([null, 1, 1, 2]);
    const call = () => tf.tidy(() => layer.call(toTensor(one), { training: true }));
    expect(call).toThrow('BtnBatchNorm norm: training needs more than one value per channel');
    expect(call).toThrow('[1, 1, 1, 2]');
    expect(() => callOnce({}, one, false)).not.toThrow();
    expect(() => callOnce({ trainable: false }, one, true)).not.toThrow();
    disposeWeights(layer);
  });

  it('converges to the statistics of what it sees', () => {
    const layer = new BtnBatchNorm({ momentum: 0.5 });
    layer.build([...x.shape]);
    for (let i = 0; i < 30; i++) {
      tf.tidy(() => {
        layer.call(toTensor(x), { training: true });
      });
    }
    const [, , mean, variance] = layer.getWeights().map(toArray);
    const unit = ndArray([2], [1, 1]);
    const [, expectedMean, biased] = batchNorm(x, unit, unit, 0);
    expectClose([mean!, variance!], [expectedMean, map(biased, (v) => (v * 60) / 59)], 1e-6);
    disposeWeights(layer);
  });
});
