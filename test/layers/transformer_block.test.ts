import { TransformerBlock } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { type NdArray, transformerBlock } from '../support/reference/index.js';

const referenceWith =
  (options: { numHeads: number; epsilon: number }) => (inputs: NdArray[], weights: NdArray[]) => {
    const [gamma1, beta1, inputKernel, inputBias, outputKernel, outputBias] = weights;
    const [gamma2, beta2, kernel1, bias1, kernel2, bias2] = weights.slice(6);
    return transformerBlock(
      inputs[0]!,
      {
        norm1: [gamma1!, beta1!],
        input: { kernel: inputKernel!, bias: inputBias! },
        output: { kernel: outputKernel!, bias: outputBias! },
        norm2: [gamma2!, beta2!],
        mlp: { kernel1: kernel1!, bias1, kernel2: kernel2!, bias2 },
      },
      options,
    );
  };

/** qkv, output, two norms and a feed-forward part of `ratio` times the width. */
const parameters = (d: number, ratio: number) => ({
  trainable: 3 * d * d + 3 * d + d * d + d + 4 * d + 2 * ratio * d * d + ratio * d + d,
});

layerContract(TransformerBlock, { seed: 3 }, [randomArray([2, 4, 8], 1)], {
  parameters: parameters(8, 4),
  reference: referenceWith({ numHeads: 8, epsilon: 1e-6 }),
});

layerContract(
  TransformerBlock,
  { numHeads: 2, mlpRatio: 2, epsilon: 0.1 },
  [randomArray([2, 3, 6], 1)],
  {
    parameters: parameters(6, 2),
    reference: referenceWith({ numHeads: 2, epsilon: 0.1 }),
  },
);
