import { it } from 'vitest';
import { BtnDepthwiseConv2D } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { checkGradients } from '../support/gradient_check.js';
import { layerContract } from '../support/layer_contract.js';
import { depthwiseConv2d, ndArray, prelu } from '../support/reference/index.js';
import { withWeights } from '../support/with_weights.js';

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
  it.each([1, 2])('equal those of its definition at stride %i', (strides) => {
    const window = { strides, padding: 1 };
    checkGradients({
      op: withWeights(() => new BtnDepthwiseConv2D({ kernelSize: 3, ...window })),
      reference: (x, kernel) => depthwiseConv2d(x!, kernel!, window),
      inputs: [randomArray([2, 5, 4, 3], 1), randomArray([3, 3, 3, 1], 2)],
    });
  });
});
