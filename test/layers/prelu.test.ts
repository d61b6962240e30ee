import { expect, it } from 'vitest';
import { BtnPReLU } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { useBackend } from '../support/backends.js';
import { layerContract } from '../support/layer_contract.js';
import { prelu } from '../support/reference/index.js';

layerContract(BtnPReLU, { initialSlope: 0.1 }, [randomArray([2, 3, 4, 5], 1)], {
  parameters: { trainable: 5 },
  reference: ([x], [alpha]) => prelu(x!, alpha!),
});

useBackend('cpu');
it('BtnPReLU starts from a slope of 0.25', () => {
  const layer = new BtnPReLU();
  layer.build([null, 4, 4, 2]);
  expect([...layer.getWeights()[0]!.dataSync()]).toEqual([0.25, 0.25]);
});
