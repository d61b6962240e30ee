import { Subsample } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { subsample } from '../support/reference/index.js';

for (const shape of [
  [2, 4, 6, 3],
  [1, 5, 3, 2],
]) {
  layerContract(Subsample, { stride: 2 }, [randomArray(shape, 1)], {
    parameters: { trainable: 0 },
    reference: ([x]) => subsample(x!, 2),
  });
}
