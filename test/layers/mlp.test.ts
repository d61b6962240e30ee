import { Mlp } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { mlp, type NdArray } from '../support/reference/index.js';

const reference = ([x]: NdArray[], [kernel1, bias1, kernel2, bias2]: NdArray[]) =>
  mlp(x!, { kernel1: kernel1!, bias1, kernel2: kernel2!, bias2 });

layerContract(Mlp, { seed: 3 }, [randomArray([2, 3, 4], 1)], {
  parameters: { trainable: 4 * 16 + 16 + 16 * 4 + 4 },
  reference,
});

layerContract(Mlp, { ratio: 1.5 }, [randomArray([2, 5], 1)], {
  parameters: { trainable: 5 * 8 + 8 + 8 * 5 + 5 },
  reference,
});
