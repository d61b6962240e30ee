import { util } from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { addressOf, floatsAt } from './heap.js';
import { defineOpKernel } from './op_kernel.js';

/** `BtnAddScaled`: one pass, where the composite makes three. */
export const addScaled = defineOpKernel<{ readonly scale: number; readonly keep: number }>(
  'BtnAddScaled',
  (backend, [x, y], { scale, keep }) => {
    const out = backend.makeOutput(x!.shape, 'float32');
    const [xAt, yAt, outAt] = [x!, y!, out].map((t) => addressOf(backend, t));
    const size = util.sizeFromShape(x!.shape);
    compiledKernels(backend).addScaled(xAt!, yAt!, outAt!, size, scale, keep);
    return [out];
  },
);

/** `BtnSumOfSquares`: no squares are stored. */
export const sumOfSquares = defineOpKernel<object>('BtnSumOfSquares', (backend, [x]) => {
  const size = util.sizeFromShape(x!.shape);
  const total = compiledKernels(backend).sumOfSquares(addressOf(backend, x!), size);
  const out = backend.makeOutput([], 'float32');
  floatsAt(backend, addressOf(backend, out), 1)[0] = total;
  return [out];
});
