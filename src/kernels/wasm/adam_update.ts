import { util } from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { addressOf } from './heap.js';
import { defineOpKernel } from './op_kernel.js';

interface Attrs {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** `BtnAdamUpdate`: weights and both moments in one pass. */
export const adamUpdate = defineOpKernel<Attrs>('BtnAdamUpdate', (backend, inputs, attrs) => {
  const { rate, beta1, beta2, epsilon } = attrs;
  const outputs = inputs.slice(0, 3).map(({ shape }) => backend.makeOutput(shape, 'float32'));
  const [w, m, v, g] = inputs.map((t) => addressOf(backend, t));
  const [toW, toM, toV] = outputs.map((t) => addressOf(backend, t));
  const size = util.sizeFromShape(inputs[0]!.shape);
  const rests = [1 - beta1, 1 - beta2] as const;
  const { adam } = compiledKernels(backend);
  adam(w!, m!, v!, g!, toW!, toM!, toV!, size, rate, beta1, beta2, ...rests, epsilon);
  return outputs;
});
