import type { TensorInfo } from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { addressOf, withScratch } from './heap.js';
import { defineOpKernel, paddedSize, rowsOf } from './op_kernel.js';

interface Attrs {
  readonly epsilon: number;
}

/** `BtnLayerNorm`: a row at a time, which stays in the cache. */
export const layerNorm = defineOpKernel<Attrs>(
  'BtnLayerNorm',
  (backend, [x, gamma, beta], { epsilon }) => {
    const { rows, channels } = rowsOf(x!);
    const y = backend.makeOutput(x!.shape, 'float32');
    const [from, scale, shift, to] = [x!, gamma!, beta!, y].map((t) => addressOf(backend, t));
    compiledKernels(backend).layerNorm(from!, scale!, shift!, to!, rows, channels, epsilon);
    return [y];
  },
);

/** `BtnLayerNormGrad`: dx, dGamma and dBeta in one pass; the statistics are computed anew. */
export const layerNormGradient = defineOpKernel<Attrs>(
  'BtnLayerNormGrad',
  (backend, [dy, x, gamma], { epsilon }) => {
    const { rows, channels } = rowsOf(x!);
    const dx = backend.makeOutput(x!.shape, 'float32');
    const dGamma = backend.makeOutput([channels], 'float32');
    const dBeta = backend.makeOutput([channels], 'float32');
    const at = (tensor: TensorInfo) => addressOf(backend, tensor);
    withScratch(backend, [6 * paddedSize(channels)], (scratch) => {
      compiledKernels(backend).layerNormGradient(
        at(dy!),
        at(x!),
        at(gamma!),
        at(dx),
        at(dGamma),
        at(dBeta),
        rows,
        channels,
        epsilon,
        scratch!,
      );
    });
    return [dx, dGamma, dBeta];
  },
);
