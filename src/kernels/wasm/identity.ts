import { Identity } from '@tensorflow/tfjs-core';
import { defineKernel } from './heap.js';

/**
 * `Identity` without a copy, as `Reshape` does it: tensors never change. The tape clones whatever a gradient needs, so
 * that the stock kernel copies every activation.
 */
export const identity = defineKernel<'x', object>(Identity, (stock) => (args) => {
  const { x } = args.inputs;
  if (x.dtype === 'string' && stock) return stock(args);
  args.backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
});
