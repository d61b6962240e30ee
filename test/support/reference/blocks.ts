/** A pre-norm transformer block. */
import { type Projection, selfAttention } from './attention.js';
import { type MlpWeights, mlp } from './dense.js';
import { add, type NdArray } from './nd_array.js';
import { layerNorm } from './normalisation.js';

export interface BlockWeights {
  norm1: [gamma: NdArray, beta: NdArray];
  input: Projection;
  output: Projection;
  norm2: [gamma: NdArray, beta: NdArray];
  mlp: MlpWeights;
}

export function transformerBlock(
  x: NdArray,
  weights: BlockWeights,
  { numHeads, epsilon }: { numHeads: number; epsilon: number },
): NdArray {
  const normalised = layerNorm(x, ...weights.norm1, epsilon);
  const attended = add(x, selfAttention(normalised, weights.input, weights.output, numHeads));
  return add(attended, mlp(layerNorm(attended, ...weights.norm2, epsilon), weights.mlp));
}
