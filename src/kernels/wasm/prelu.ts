import { compiledKernels } from './compiled.js';
import { addressOf, withScratch } from './heap.js';
import { defineOpKernel, paddedSize, rowsOf } from './op_kernel.js';

/** `BtnPreluGrad`: dx and dAlpha in one pass. (The op itself is one XNNPACK call.) */
export const preluGradient = defineOpKernel('BtnPreluGrad', (backend, [dy, x, alpha]) => {
  const { rows, channels } = rowsOf(x!);
  const dx = backend.makeOutput(x!.shape, 'float32');
  const dAlpha = backend.makeOutput([channels], 'float32');
  withScratch(backend, [3 * paddedSize(channels)], (scratch) => {
    const [d, from, slope, to, sum] = [dy!, x!, alpha!, dx, dAlpha].map((t) =>
      addressOf(backend, t),
    );
    compiledKernels(backend).preluGradient(d!, from!, slope!, to!, sum!, rows, channels, scratch!);
  });
  return [dx, dAlpha];
});
