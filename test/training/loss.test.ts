import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { BatchTransformer } from '../../src/index.js';
import { balancedClassWeights, btnLoss, crossEntropy } from '../../src/training/index.js';
import { randomArray, run, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectGradients } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';
import { type NdArray, ndArray } from '../support/reference/index.js';

const labels = [2, 0, 1, 2, 2];
const scalar = (value: number) => ndArray([], [value]);
const labelTensor = () => tf.tensor1d(labels, 'int32');

describeBackends('crossEntropy', () => {
  it('equals its definition, and so do the gradients', () => {
    expectGradients({
      op: (logits) => crossEntropy(logits as tf.Tensor2D, tf.oneHot(labelTensor(), 3)),
      reference: (logits) => scalar(reference.crossEntropy(logits!, labels)),
      inputs: [randomArray([5, 3], 1, { scale: 2 })],
    });
  });

  it('is exact for large logits', () => {
    const logits = ndArray([2, 3], [1e4, -1e4, 0, 0, 1e4, 1e4]);
    const loss = run(
      (x) => crossEntropy(x as tf.Tensor2D, tf.oneHot(tf.tensor1d([0, 1], 'int32'), 3)),
      logits,
    );
    expect(loss[0]!.data[0]).toBeCloseTo(Math.log(2) / 2, 6);
  });
});

describeBackends('btnLoss', () => {
  it.each([undefined, 1, 0.3, 0])('sums the three losses, λ %s of them vit', (lambda) => {
    expectGradients({
      op: (vit, bt, cba) => {
        const outputs = { vit, bt, cba } as { vit: tf.Tensor2D; bt: tf.Tensor2D; cba: tf.Tensor2D };
        return btnLoss(outputs, labelTensor(), { lambda }).total;
      },
      reference: (vit, bt, cba) =>
        scalar(reference.btnLoss({ vit: vit!, bt: bt!, cba: cba! }, labels, lambda ?? 1)),
      inputs: [1, 2, 3].map((seed) => randomArray([5, 3], seed)),
    });
  });

  it('gives the parts, and vit alone without batch transformer', () => {
    const [vit, bt, cba] = [1, 2, 3].map((seed) => randomArray([5, 3], seed)) as [
      NdArray,
      NdArray,
      NdArray,
    ];
    const parts = run(
      (v, b, c) => {
        const outputs = { vit: v, bt: b, cba: c } as Record<'vit' | 'bt' | 'cba', tf.Tensor2D>;
        const loss = btnLoss(outputs, labelTensor(), { lambda: 0.5 });
        const alone = btnLoss({ vit: v as tf.Tensor2D }, labelTensor(), { lambda: 0.5 });
        expect(alone.bt).toBeUndefined();
        return [loss.vit, loss.bt!, loss.cba!, alone.total];
      },
      vit,
      bt,
      cba,
    ).map(({ data }) => data[0]!);
    const expected = [vit, bt, cba].map((logits) => reference.crossEntropy(logits, labels));
    expected.push(expected[0]! / 2);
    parts.forEach((part, i) => {
      expect(part).toBeCloseTo(expected[i]!, 5);
    });
  });

  it('has its gradient through the batch transformer, to all three inputs', () => {
    const encoding = reference.channelPositionalEncoding(3, 4);
    expectGradients({
      op: (query, key, vit) => {
        const [cba, bt] = new BatchTransformer().call([query!, key!, vit!]) as tf.Tensor2D[];
        return btnLoss({ vit: vit as tf.Tensor2D, bt, cba }, labelTensor(), { lambda: 0.7 }).total;
      },
      reference: (query, key, vit) => {
        const [cba, bt] = reference.batchTransformer(query!, key!, vit!, encoding);
        return scalar(reference.btnLoss({ vit: vit!, bt, cba }, labels, 0.7));
      },
      inputs: [randomArray([5, 3, 4], 1), randomArray([5, 3, 4], 2), randomArray([5, 3], 3)],
    });
  });
});

describeBackends('class weights', () => {
  it('and smoothed labels count in every part of the loss', () => {
    const options = { labelSmoothing: 0.2, classWeights: [0.5, 1, 3] };
    tf.tidy(() => {
      const [vit, bt, cba] = [1, 2, 3].map((seed) =>
        toTensor(randomArray([5, 3], seed)),
      ) as tf.Tensor2D[];
      const outputs = { vit: vit!, bt: bt!, cba: cba! };
      const loss = btnLoss(outputs, labelTensor(), { lambda: 0.5, ...options });
      const targets = tf.oneHot(labelTensor(), 3);
      const parts = [vit, bt, cba].map(
        (logits) => crossEntropy(logits!, targets, options).dataSync()[0]!,
      );
      expect([loss.vit, loss.bt!, loss.cba!].map((part) => part.dataSync()[0]!)).toEqual(parts);
      expect(loss.total.dataSync()[0]).toBeCloseTo(parts[0]! / 2 + parts[1]! + parts[2]!, 5);
    });
  });

  it('must be one for each class', () => {
    tf.tidy(() => {
      const logits = tf.zeros([5, 3]) as tf.Tensor2D;
      expect(() => btnLoss({ vit: logits }, labelTensor(), { classWeights: [1, 2] })).toThrow(
        'crossEntropy: classWeights has 2 values, expected one for each of 3 classes',
      );
    });
  });
});

it('balanced class weights are inverse frequencies, and 0 of what is not there', () => {
  expect(balancedClassWeights([0, 0, 0, 2], 3)).toEqual([4 / 9, 0, 4 / 3]);
  const weights = balancedClassWeights(labels, 3);
  const sum = labels.reduce((total, label) => total + weights[label]!, 0);
  expect(sum).toBeCloseTo(labels.length, 12);
});
