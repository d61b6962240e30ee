import { expect, it } from 'vitest';
import { SqueezeExcite } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { squeezeExcite } from '../support/reference/index.js';

layerContract(SqueezeExcite, { reduction: 3, seed: 3 }, [randomArray([2, 4, 3, 7], 2)], {
  parameters: { trainable: 2 * 7 * 2 },
  reference: ([x], [kernel1, kernel2]) =>
    squeezeExcite(x!, { kernel1: kernel1!, kernel2: kernel2! }),
});

it('SqueezeExcite says when its reduction leaves nothing', () => {
  const build = () => new SqueezeExcite({}).build([null, 4, 4, 8]);
  expect(build).toThrow('SqueezeExcite: reduction 16 leaves nothing of 8 channels');
});
