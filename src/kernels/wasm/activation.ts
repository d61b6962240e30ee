import {
  Elu,
  getKernel,
  LeakyRelu,
  Prelu,
  Relu,
  Relu6,
  Sigmoid,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../ops/errors.js';
import type { WasmBackend } from './heap.js';

const kernelNames: Readonly<Record<string, string>> = {
  elu: Elu,
  leakyrelu: LeakyRelu,
  prelu: Prelu,
  relu: Relu,
  relu6: Relu6,
  sigmoid: Sigmoid,
};

/** Applies a kernel of the wasm backend and frees `consumed`, one of its inputs. */
export function applyKernel(
  backend: WasmBackend,
  kernelName: string,
  inputs: Record<string, TensorInfo>,
  consumed: TensorInfo,
  attrs: { alpha?: number } = {},
): TensorInfo {
  const { kernelFunc } = getKernel(kernelName, 'wasm');
  const out = kernelFunc({ inputs, backend, attrs: { ...attrs } }) as TensorInfo;
  backend.disposeData(consumed.dataId);
  return out;
}

/** The activation of a fused kernel. Frees `x`, unless there is nothing to do. */
export function activate(
  backend: WasmBackend,
  x: TensorInfo,
  activation: string | undefined,
  preluActivationWeights: TensorInfo | undefined,
  leakyreluAlpha: number | undefined,
): TensorInfo {
  if (!activation || activation === 'linear') return x;
  const kernelName = kernelNames[activation];
  if (kernelName === undefined) {
    throw new UnsupportedError(
      'Unsupported',
      `fused kernels on wasm have no activation '${activation}'`,
    );
  }
  if (kernelName === Prelu) {
    return applyKernel(backend, Prelu, { x, alpha: preluActivationWeights as TensorInfo }, x);
  }
  return applyKernel(backend, kernelName, { x }, x, { alpha: leakyreluAlpha });
}
