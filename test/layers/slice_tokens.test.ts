import { expect, it } from 'vitest';
import { SliceTokens } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { sliceTokens } from '../support/reference/index.js';

layerContract(SliceTokens, { begin: 2, count: 3 }, [randomArray([2, 5, 4], 1)], {
  parameters: { trainable: 0 },
  reference: ([x]) => sliceTokens(x!, 2, 3),
});

it('SliceTokens says which tokens there are not', () => {
  const build = () => new SliceTokens({ begin: 3, count: 3 }).build([null, 5, 4]);
  expect(build).toThrow('SliceTokens: tokens 3 to 5 of only 5');
});
