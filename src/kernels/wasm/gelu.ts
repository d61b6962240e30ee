import { util } from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { addressOf, withScratch } from './heap.js';
import { defineOpKernel } from './op_kernel.js';

/** `BtnGelu`, with the error function and the product in one pass. */
export const gelu = defineOpKernel('BtnGelu', (backend, [x]) => {
  const y = backend.makeOutput(x!.shape, 'float32');
  const size = util.sizeFromShape(x!.shape);
  const kernels = compiledKernels(backend);
  withScratch(backend, [kernels.geluScratch() / 4], (scratch) => {
    kernels.gelu(addressOf(backend, x!), addressOf(backend, y), size, scratch!);
  });
  return [y];
});

/** `BtnGeluGrad`: one exponential serves both the distribution and its density. */
export const geluGradient = defineOpKernel('BtnGeluGrad', (backend, [dy, x]) => {
  const dx = backend.makeOutput(x!.shape, 'float32');
  const size = util.sizeFromShape(x!.shape);
  const kernels = compiledKernels(backend);
  withScratch(backend, [kernels.geluScratch() / 4], (scratch) => {
    const [d, from, to] = [dy!, x!, dx].map((t) => addressOf(backend, t));
    kernels.geluGradient(d!, from!, to!, size, scratch!);
  });
  return [dx];
});
