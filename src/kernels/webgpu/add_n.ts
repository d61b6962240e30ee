import * as tf from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';
import type { WebgpuBackend } from './backend.js';

/**
 * `AddN` of any number of tensors. The stock kernel binds all of them at once: with more than seven, and the output,
 * a shader has more buffers than WebGPU lets it have by default; it does not run, and the sum is what was in memory.
 */
export const addN: SuppliedKernel = {
  kernelName: tf.AddN,
  create: (stock) => (args) => {
    const terms = args.inputs as unknown as tf.TensorInfo[];
    const backend = args.backend as unknown as WebgpuBackend;
    const sumOf = (some: tf.TensorInfo[]) =>
      (stock as tf.KernelFunc)({
        ...args,
        inputs: some as unknown as tf.NamedTensorInfoMap,
      }) as tf.TensorInfo;
    const most = backend.device.limits.maxStorageBuffersPerShaderStage - 1;
    let sum = sumOf(terms.slice(0, most));
    for (let i = most; i < terms.length; i += most - 1) {
      const before = sum;
      sum = sumOf([before, ...terms.slice(i, i + most - 1)]);
      backend.disposeData(before.dataId);
    }
    return sum;
  },
};
