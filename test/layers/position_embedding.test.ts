import { PositionEmbedding } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { add } from '../support/reference/index.js';

layerContract(PositionEmbedding, { seed: 3 }, [randomArray([2, 3, 4], 1)], {
  parameters: { trainable: 12 },
  reference: ([x], [embedding]) => add(x!, embedding!),
});
