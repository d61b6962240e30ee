/** Configs that fit no layer are refused, each by a message that says what was wrong and what is expected. */
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import * as layers from '../../src/layers/index.js';
import { splitAtBatch } from '../../src/models/index.js';
import { ArgumentError } from '../../src/ops/errors.js';
import { useBackend } from '../support/backends.js';

const map = () => tfl.input({ shape: [2, 2, 3] });

describe('configs of layers', () => {
  useBackend('cpu');

  it.each<[name: string, call: () => unknown, message: string]>([
    [
      'filters',
      () => new layers.BtnConv2D({ filters: 0, kernelSize: 3 }),
      'BtnConv2D: filters is 0: expected an integer from 1 on',
    ],
    [
      'padding',
      () => new layers.BtnConv2D({ filters: 1, kernelSize: 3, padding: -1 }),
      'BtnConv2D: padding is -1: expected an integer from 0 on',
    ],
    [
      'gain',
      () => new layers.BtnConv2D({ filters: 1, kernelSize: 3, initialGain: 0 }),
      'BtnConv2D: initialGain is 0: expected a number above 0',
    ],
    [
      'stride',
      () => new layers.BtnDepthwiseConv2D({ kernelSize: 3, strides: 0.5 }),
      'BtnDepthwiseConv2D: strides is 0.5: expected an integer from 1 on',
    ],
    [
      'a kernel too large',
      () => new layers.BtnConv2D({ filters: 1, kernelSize: 5, padding: 1 }).apply(map()),
      'a kernel of 5 × 5 does not fit into [?, 2, 2, 3] with padding 1',
    ],
    [
      'a depthwise kernel too large',
      () => new layers.BtnDepthwiseConv2D({ kernelSize: 3 }).apply(map()),
      'a kernel of 3 × 3 does not fit into',
    ],
    [
      'begin',
      () => new layers.SliceTokens({ begin: -1, count: 1 }),
      'SliceTokens: begin is -1: expected an integer from 0 on',
    ],
    [
      'count',
      () => new layers.SliceTokens({ begin: 0, count: 0 }),
      'SliceTokens: count is 0: expected an integer from 1 on',
    ],
    [
      'subsample',
      () => new layers.Subsample({ stride: 0 }),
      'Subsample: stride is 0: expected an integer from 1 on',
    ],
    ['ratio', () => new layers.Mlp({ ratio: 0 }), 'Mlp: ratio is 0: expected a number above 0'],
    [
      'momentum',
      () => new layers.BtnBatchNorm({ momentum: 2 }),
      'BtnBatchNorm: momentum is 2: expected a number from 0 to 1',
    ],
    [
      'epsilon',
      () => new layers.BtnBatchNorm({ epsilon: -1 }),
      'BtnBatchNorm: epsilon is -1: expected a number from 0 on',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });

  it('a model that is split has one input', () => {
    const inputs = [tfl.input({ shape: [2] }), tfl.input({ shape: [2] })];
    const outputs = tfl.layers.add().apply(inputs) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs, outputs, name: 'two' });
    expect(() => splitAtBatch(model)).toThrow('splitAtBatch: two has 2 inputs: expected one');
  });
});
