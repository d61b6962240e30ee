import { expect, it } from 'vitest';
import { SelfAttention } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { selfAttention } from '../support/reference/index.js';

layerContract(SelfAttention, { numHeads: 2, seed: 3 }, [randomArray([2, 5, 6], 1)], {
  parameters: { trainable: 6 * 18 + 18 + 6 * 6 + 6 },
  reference: ([x], [kernel, bias, outputKernel, outputBias]) =>
    selfAttention(
      x!,
      { kernel: kernel!, bias: bias! },
      { kernel: outputKernel!, bias: outputBias! },
      2,
    ),
});

it('SelfAttention says which heads do not divide which width', () => {
  const build = () => new SelfAttention({ numHeads: 4 }).build([null, 5, 6]);
  expect(build).toThrow('SelfAttention: numHeads 4 must divide the width 6');
});
