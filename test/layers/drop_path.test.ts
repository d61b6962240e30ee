import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { DropPath } from '../../src/index.js';
import { randomArray, tidied, toArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectClose } from '../support/gradient_check.js';
import { layerContract } from '../support/layer_contract.js';
import { dropPath, ndArray } from '../support/reference/index.js';

for (const rate of [0, 0.25]) {
  layerContract(DropPath, { rate }, [randomArray([3, 4, 2], 1)], {
    parameters: { trainable: 0 },
    reference: ([x]) => x!,
    tolerance: 1e-9,
  });
}

const ones = ndArray([64, 2, 3], () => 1);

function call(layer: DropPath, x = ones, kwargs: object = { training: true, seed: 1 }) {
  return tidied(() => toArray(layer.apply(toTensor(x), kwargs) as tf.Tensor));
}

describeBackends('DropPath', () => {
  it('drops whole samples and divides the others by 1 − rate', () => {
    const x = randomArray([64, 2, 3], 1);
    const layer = new DropPath({ rate: 0.25, name: 'drop' });
    const kept = Array.from({ length: 64 }, (_, i) => call(layer).data[i * 6] !== 0);
    // 16 of 64 are expected to be dropped, σ 3.5.
    const dropped = kept.filter((keep) => !keep).length;
    expect(dropped).toBeGreaterThan(4);
    expect(dropped).toBeLessThan(28);
    expectClose([call(layer, x)], dropPath(x, kept, 0.25), 1e-6);
  });

  it('is the identity at a rate of 0, and outside training', () => {
    const x = randomArray([4, 3], 1);
    expect(call(new DropPath({ rate: 0 }), x)).toEqual(x);
    const layer = new DropPath({ rate: 0.9 });
    for (const kwargs of [{}, { training: false, seed: 1 }]) {
      expect(call(layer, x, kwargs)).toEqual(x);
    }
  });

  it('draws the same mask for the same seed, others for other seeds and names', () => {
    const masks = (name: string, seed?: number) =>
      call(new DropPath({ rate: 0.5, name }), ones, {
        training: true,
        ...(seed !== undefined && { seed }),
      });
    expect(masks('a', 1)).toEqual(masks('a', 1));
    expect(masks('a', 1)).not.toEqual(masks('a', 2));
    expect(masks('a', 1)).not.toEqual(masks('b', 1));
    // Without a seed: once in 2^64 the same.
    expect(masks('a')).not.toEqual(masks('a'));
  });

  it('keeps the expectation', () => {
    const layer = new DropPath({ rate: 0.25, name: 'drop' });
    const many = ndArray([200, 1], () => 1);
    let sum = 0;
    for (let seed = 1; seed <= 50; seed++) {
      sum += call(layer, many, { training: true, seed }).data.reduce((a, b) => a + b, 0);
    }
    // The mean of 10,000 draws of 0 or 4/3 has σ 0.0058.
    expect(Math.abs(sum / 10_000 - 1)).toBeLessThan(0.025);
  });

  it('takes training and seed from model.apply', () => {
    const input = tfl.input({ shape: [2, 3] });
    const layer = new DropPath({ rate: 0.5, name: 'drop' });
    const model = tfl.model({ inputs: input, outputs: layer.apply(input) as tfl.SymbolicTensor });
    const run = (kwargs: object) =>
      tidied(() => toArray(model.apply(toTensor(ones), kwargs) as tf.Tensor));
    expect(run({ training: true, seed: 9 })).toEqual(
      call(layer, ones, { training: true, seed: 9 }),
    );
    expect(run({ training: true, seed: 8 })).not.toEqual(run({ training: true, seed: 9 }));
    expect(run({})).toEqual(ones);
    model.dispose();
  });

  it('drops the gradient with the sample', () => {
    const layer = new DropPath({ rate: 0.5, name: 'drop' });
    const gradient = tidied(() => {
      const sum = (x: tf.Tensor) =>
        tf.sum(layer.apply(x, { training: true, seed: 1 }) as tf.Tensor);
      return toArray(tf.grad(sum)(toTensor(ones)));
    });
    expect(gradient).toEqual(call(new DropPath({ rate: 0.5, name: 'drop' })));
  });
});

it.each([-0.1, 1, Number.NaN])('DropPath names a rate of %f', (rate) => {
  expect(() => new DropPath({ rate })).toThrow(`DropPath: rate must be in [0, 1), not ${rate}`);
});
