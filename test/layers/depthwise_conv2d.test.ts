import { expect, it } from 'vitest';
import { BtnDepthwiseConv2D } from '../../src/index.js';
import { checkLayer } from '../../src/testing/index.js';
import { randomArray } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { layerContract } from '../support/layer_contract.js';
import { depthwiseConv2d, ndArray, prelu } from '../support/reference/index.js';

layerContract(
  BtnDepthwiseConv2D,
  { kernelSize: 3, strides: 2, padding: 1, seed: 3 },
  [randomArray([2, 6, 7, 3], 1)],
  {
    parameters: { trainable: 3 * 3 * 3 },
    reference: ([x], [kernel]) => depthwiseConv2d(x!, kernel!, { strides: 2, padding: 1 }),
  },
);

layerContract(
  BtnDepthwiseConv2D,
  { kernelSize: 3, padding: 1, useBias: true, activation: 'prelu', seed: 3 },
  [randomArray([2, 4, 5, 3], 1)],
  {
    parameters: { trainable: 3 * 3 * 3 + 3 + 3 },
    reference: ([x], [kernel, bias, alpha]) => {
      const { shape, data } = depthwiseConv2d(x!, kernel!, { strides: 1, padding: 1 });
      return prelu(
        ndArray(shape, (i) => data[i]! + bias!.data[i % 3]!),
        alpha!,
      );
    },
  },
);

describeBackends('gradients of BtnDepthwiseConv2D', () => {
  it.each([1, 2])('equal those of its definition at stride %i', async (strides) => {
    const config = { kernelSize: 3, strides, padding: 1 };
    const inputs = [randomArray([2, 5, 4, 3], 1)];
    const { failures } = await checkLayer(BtnDepthwiseConv2D, config, inputs, {
      reference: ([x], [kernel]) => depthwiseConv2d(x!, kernel!, config),
    });
    expect(failures).toEqual([]);
  });
});
