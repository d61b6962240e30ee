import {
  _FusedMatMul,
  type _FusedMatMulAttrs,
  Add,
  Elu,
  getKernel,
  LeakyRelu,
  Prelu,
  Relu,
  Relu6,
  Sigmoid,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { batchMatMulFloat32, claimPackedShape } from './batch_mat_mul.js';
import { defineKernel, type WasmBackend } from './heap.js';

const ACTIVATIONS: Readonly<Record<string, string>> = {
  relu: Relu,
  relu6: Relu6,
  elu: Elu,
  sigmoid: Sigmoid,
};

type FusedInput = 'a' | 'b' | 'bias' | 'preluActivationWeights';

/** Applies a kernel of the wasm backend and frees its first input. */
function then(
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

/**
 * `_FusedMatMul`, the product of a dense layer. The stock kernel is right and fast for one untransposed pair of
 * matrices; with a transposed operand or a batch it adds the bias once for every 48 elements of the inner dimension.
 * Those cases become a matrix product, an addition and an activation here.
 */
export const fusedMatMul = defineKernel<FusedInput, _FusedMatMulAttrs>(
  _FusedMatMul,
  (stock) => (args) => {
    const { inputs, backend, attrs } = args;
    const { a, b, bias, preluActivationWeights } = inputs;
    const { transposeA, transposeB, activation, leakyreluAlpha } = attrs;
    const isPlain =
      !transposeA &&
      !transposeB &&
      a.shape.slice(0, -2).every((length) => length === 1) &&
      b.shape.slice(0, -2).every((length) => length === 1) &&
      (bias === undefined || bias === null || bias.shape.length === 1);
    const [k, n] = b.shape.slice(-2) as [number, number];
    const isFloat = a.dtype === 'float32' && b.dtype === 'float32';
    if (stock && (!isFloat || (isPlain && k > 0 && claimPackedShape(b, k, n)))) {
      return stock(args);
    }
    let out = batchMatMulFloat32(backend, a, b, transposeA, transposeB, undefined);
    if (bias) out = then(backend, Add, { a: out, b: bias }, out);
    if (activation === 'prelu') {
      out = then(backend, Prelu, { x: out, alpha: preluActivationWeights as TensorInfo }, out);
    } else if (activation === 'leakyrelu') {
      out = then(backend, LeakyRelu, { x: out }, out, { alpha: leakyreluAlpha });
    } else if (activation && activation !== 'linear') {
      const kernelName = ACTIVATIONS[activation];
      if (kernelName === undefined) {
        throw new Error(`fused matMul on wasm has no activation '${activation}'`);
      }
      out = then(backend, kernelName, { x: out }, out);
    }
    return out;
  },
);
