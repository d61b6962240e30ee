import { FeatureGate } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { featureGate } from '../support/reference/index.js';

layerContract(FeatureGate, { seed: 3 }, [randomArray([3, 5], 1)], {
  parameters: { trainable: 2 * (5 * 5 + 5) },
  reference: ([x], [kernel1, bias1, kernel2, bias2]) =>
    featureGate(x!, { kernel1: kernel1!, bias1, kernel2: kernel2!, bias2 }),
});
