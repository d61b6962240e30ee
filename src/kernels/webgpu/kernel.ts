import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';
import type { WebgpuBackend } from './backend.js';

/** The kernel of an op of ours (see `defineOp`), whose inputs are a list of float32. */
export function defineKernel<Attrs>(
  kernelName: string,
  body: (backend: WebgpuBackend, inputs: TensorInfo[], attrs: Attrs) => TensorInfo | TensorInfo[],
): SuppliedKernel {
  return {
    kernelName,
    create:
      () =>
      ({ inputs, backend, attrs }) =>
        body(
          backend as unknown as WebgpuBackend,
          Object.values(inputs) as TensorInfo[],
          attrs as Attrs,
        ),
  };
}
