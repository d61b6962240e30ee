import { _FusedMatMul, type _FusedMatMulAttrs, Add, type TensorInfo } from '@tensorflow/tfjs-core';
import { activate, applyKernel } from './activation.js';
import { batchMatMulFloat32 } from './batch_mat_mul.js';
import { defineKernel } from './heap.js';

type FusedInput = 'a' | 'b' | 'bias' | 'preluActivationWeights';

/** Whether a bias is one number for each column; tfjs allows any shape that broadcasts. */
function isRow(bias: TensorInfo, columns: number): boolean {
  return bias.shape.length === 1 && bias.shape[0] === columns;
}

/**
 * `_FusedMatMul`, the product of a dense layer. With a transposed operand or a batch the stock kernel adds the bias once
 * for every 48 elements of the inner dimension.
 */
export const fusedMatMul = defineKernel<FusedInput, _FusedMatMulAttrs>(
  _FusedMatMul,
  (stock) => (args) => {
    const { inputs, backend, attrs } = args;
    const { a, b, bias, preluActivationWeights } = inputs;
    const { transposeA, transposeB, activation, leakyreluAlpha } = attrs;
    if (stock && (a.dtype !== 'float32' || b.dtype !== 'float32')) return stock(args);
    const columns = b.shape[b.shape.length - (transposeB ? 2 : 1)] as number;
    const row = bias && isRow(bias, columns) ? bias : undefined;
    let out = batchMatMulFloat32(backend, a, b, transposeA, transposeB, row);
    if (bias && !row) out = applyKernel(backend, Add, { a: out, b: bias }, out);
    return activate(backend, out, activation, preluActivationWeights, leakyreluAlpha);
  },
);
