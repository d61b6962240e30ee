import {
  BatchMatMul,
  type BatchMatMulAttrs,
  broadcast_util,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { ShapeError, UnsupportedError } from '../../ops/errors.js';
import { compiledKernels } from './compiled.js';
import { addressOf, defineKernel, type WasmBackend, withScratch } from './heap.js';

/** Maps an index into the broadcast batch to one into an operand's batch. */
function broadcastIndex(batchShape: number[], outShape: number[]): (outIndex: number) => number {
  const rank = outShape.length;
  const padded = [...new Array<number>(rank - batchShape.length).fill(1), ...batchShape];
  const strides = new Array<number>(rank).fill(0);
  for (let i = rank - 1, stride = 1; i >= 0; i--) {
    if (padded[i] !== 1) strides[i] = stride;
    stride *= padded[i] as number;
  }
  return (outIndex) => {
    let index = 0;
    let rest = outIndex;
    for (let i = rank - 1; i >= 0; i--) {
      const length = outShape[i] as number;
      index += (rest % length) * (strides[i] as number);
      rest = Math.floor(rest / length);
    }
    return index;
  };
}

/** The sizes of one product of a batch, `[m, k] · [k, n]`. */
function sizesOf(
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
): { m: number; k: number; n: number } {
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [kOfB, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (k !== kOfB) {
    throw new ShapeError(
      `matMul: inner dimensions differ: ${k} of a [${a.shape}]${transposeA ? 'ᵀ' : ''} and ` +
        `${kOfB} of b [${b.shape}]${transposeB ? 'ᵀ' : ''}`,
    );
  }
  return { m, k, n };
}

/**
 * `BatchMatMul` of float32 tensors.
 *
 * @param bias `[n]`, added to each row
 */
export function batchMatMulFloat32(
  backend: WasmBackend,
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
  bias?: TensorInfo,
): TensorInfo {
  const { m, k, n } = sizesOf(a, b, transposeA, transposeB);
  const aShape = a.shape.slice(0, -2);
  const bShape = b.shape.slice(0, -2);
  const batchShape = broadcast_util.assertAndGetBroadcastShape(aShape, bShape);
  const [batch, aBatch, bBatch] = [batchShape, aShape, bShape].map((shape) =>
    util.sizeFromShape(shape),
  ) as [number, number, number];
  const [aMatrix, bMatrix, outMatrix] = [m * k * 4, k * n * 4, m * n * 4];
  const out = backend.makeOutput([...batchShape, m, n], 'float32');
  const aAddress = addressOf(backend, a);
  const bAddress = addressOf(backend, b);
  const outAddress = addressOf(backend, out);
  const biasAddress = bias ? addressOf(backend, bias) : 0;
  const kernels = compiledKernels(backend);
  // One matrix b for all: the batch of a is just more rows.
  const isOneMatrix = bBatch === 1 && aBatch === batch && !transposeA;
  const [rows, products] = isOneMatrix ? [batch * m, 1] : [m, batch];
  withScratch(backend, [kernels.productScratch(rows, k, n, 0) / 4], (scratch) => {
    const multiply = (aAt: number, bAt: number, outAt: number, count: number) =>
      kernels.matMul(
        aAt,
        bAt,
        outAt,
        count,
        aBatch === 1 ? 0 : aMatrix,
        bBatch === 1 ? 0 : bMatrix,
        rows,
        k,
        n,
        Number(transposeA),
        Number(transposeB),
        biasAddress,
        scratch,
      );
    if ([aBatch, bBatch].every((size) => size === 1 || size === batch)) {
      multiply(aAddress, bAddress, outAddress, products);
      return;
    }
    const aIndex = broadcastIndex(aShape, batchShape);
    const bIndex = broadcastIndex(bShape, batchShape);
    for (let i = 0; i < batch; i++) {
      const [aAt, bAt] = [aAddress + aIndex(i) * aMatrix, bAddress + bIndex(i) * bMatrix];
      multiply(aAt, bAt, outAddress + i * outMatrix, 1);
    }
  });
  return out;
}

/** `BatchMatMul` in all its forms. The stock kernel serves other dtypes, of which it says that it has none. */
export const batchMatMul = defineKernel<'a' | 'b', BatchMatMulAttrs>(
  BatchMatMul,
  (stock) => (args) => {
    const { a, b } = args.inputs;
    if (a.dtype !== 'float32' || b.dtype !== 'float32') {
      if (stock) return stock(args);
      throw new UnsupportedError(
        'Unsupported',
        `matMul on wasm needs float32, got ${a.dtype} and ${b.dtype}`,
      );
    }
    const { transposeA, transposeB } = args.attrs;
    return batchMatMulFloat32(args.backend, a, b, transposeA, transposeB);
  },
);
