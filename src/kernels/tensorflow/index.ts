/** Kernels for tfjs-node and tfjs-node-gpu, backend 'tensorflow': what they refuse, and what they compute slowly. */
import { registerKernels } from '../install.js';
import { batchNorm, batchNormGradient } from './batch_norm.js';
import { convolutions } from './conv2d.js';
import { convolutionGradients } from './conv2d_gradients.js';
import { prelu, preluGradient } from './prelu.js';
import { softmax } from './softmax.js';

/** Registers the kernels for the backend 'tensorflow'. */
export function registerTensorflowKernels(): void {
  registerKernels('tensorflow', 'BtnLayersTensorflowKernels', [
    ...convolutions,
    ...convolutionGradients,
    batchNorm,
    batchNormGradient,
    prelu,
    preluGradient,
    softmax,
  ]);
}
