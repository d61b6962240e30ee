import { ClassToken } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { concatTokens, ndArray } from '../support/reference/index.js';

layerContract(ClassToken, { seed: 3 }, [randomArray([2, 3, 4], 1)], {
  parameters: { trainable: 4 },
  reference: ([x], [token]) =>
    concatTokens([ndArray([2, 1, 4], [...token!.data, ...token!.data]), x!]),
});
