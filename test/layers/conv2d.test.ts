import { expect, it } from 'vitest';
import { BtnConv2D } from '../../src/index.js';
import { checkLayer } from '../../src/testing/index.js';
import { randomArray } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { layerContract } from '../support/layer_contract.js';
import { conv2d, prelu } from '../support/reference/index.js';

layerContract(
  BtnConv2D,
  { filters: 4, kernelSize: 3, strides: 2, padding: 1, seed: 3 },
  [randomArray([2, 6, 7, 3], 1)],
  {
    parameters: { trainable: 3 * 3 * 3 * 4 + 4 },
    reference: ([x], [kernel, bias]) => conv2d(x!, kernel!, bias, { strides: 2, padding: 1 }),
  },
);

layerContract(
  BtnConv2D,
  { filters: 2, kernelSize: 1, useBias: false },
  [randomArray([1, 3, 3, 5], 1)],
  {
    parameters: { trainable: 5 * 2 },
    reference: ([x], [kernel]) => conv2d(x!, kernel!, undefined, { strides: 1, padding: 0 }),
  },
);

layerContract(
  BtnConv2D,
  { filters: 3, kernelSize: 3, padding: 1, activation: 'prelu', seed: 3 },
  [randomArray([2, 4, 5, 2], 1)],
  {
    parameters: { trainable: 3 * 3 * 2 * 3 + 3 + 3 },
    reference: ([x], [kernel, bias, alpha]) =>
      prelu(conv2d(x!, kernel!, bias, { strides: 1, padding: 1 }), alpha!),
  },
);

describeBackends('gradients of BtnConv2D', () => {
  it.each([
    [3, 1, 1],
    [3, 2, 1],
    [1, 2, 0],
    [1, 1, 0],
  ])(
    'equal those of its definition: kernel %i, stride %i, padding %i',
    async (kernelSize, strides, padding) => {
      const config = { filters: 3, kernelSize, strides, padding };
      const { failures } = await checkLayer(BtnConv2D, config, [randomArray([2, 5, 4, 2], 1)], {
        reference: ([x], [kernel, bias]) => conv2d(x!, kernel!, bias, { strides, padding }),
      });
      expect(failures).toEqual([]);
    },
  );
});
