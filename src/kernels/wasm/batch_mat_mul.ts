import {
  BatchMatMul,
  type BatchMatMulAttrs,
  broadcast_util,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { accumulateGemm, panelLength } from './accumulate_gemm.js';
import {
  addressOf,
  defineKernel,
  gemm,
  heapFloats,
  type KernelArgs,
  SCRATCH_LIMIT_BYTES,
  transposeMatrices,
  type WasmBackend,
  withScratch,
} from './heap.js';

/** Below this many multiplications a matrix, the stock kernel's plain loop beats the cost of a call. */
const SMALL_PRODUCT = 600;

/** Longest inner dimension of aᵀ·b that is computed in one piece. */
const LONG_INNER = 1024;

interface Operand {
  readonly address: number;
  /** Index of this operand's matrix for each matrix of the output. */
  readonly matrixOf: (outIndex: number) => number;
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly transpose: boolean;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Maps an index into the broadcast batch to one into the operand's batch. */
function broadcastIndex(batchShape: number[], outShape: number[]): (outIndex: number) => number {
  const size = sizeOf(batchShape);
  if (size === sizeOf(outShape)) return (index) => index;
  if (size === 1) return () => 0;
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

/**
 * Calls `body` with the address of an untransposed copy of matrices [first, first + count) of the operand, or of the
 * matrices themselves where they are not transposed.
 */
function untransposed(
  backend: WasmBackend,
  operand: Operand,
  first: number,
  count: number,
  body: (address: number) => void,
): void {
  const matrix = operand.rows * operand.columns;
  const address = operand.address + first * matrix * 4;
  if (!operand.transpose) {
    body(address);
    return;
  }
  withScratch(backend, [count * matrix], (scratch) => {
    transposeMatrices(backend, address, scratch, count, operand.rows, operand.columns);
    body(scratch);
  });
}

function multiplyMatrices(
  backend: WasmBackend,
  a: Operand,
  b: Operand,
  out: number,
  batch: number,
  m: number,
  k: number,
  n: number,
): void {
  if (b.batch === 1 && !a.transpose && a.batch === batch) {
    // One matrix b for all: the batch of a is just more rows.
    untransposed(backend, b, 0, 1, (bAddress) => {
      gemm(backend, a.address, bAddress, out, batch * m, k, n);
    });
    return;
  }
  if (batch === 1 && a.transpose && k > LONG_INNER) {
    untransposed(backend, b, 0, 1, (bAddress) => {
      const fill = (panel: number, start: number, length: number) =>
        transposeMatrices(backend, a.address + start * m * 4, panel, 1, length, m);
      accumulateGemm(backend, fill, bAddress, out, m, k, n, panelLength(n));
    });
    return;
  }
  const isPlain = a.batch === batch && b.batch === batch;
  const bytes = ((a.transpose ? m * k : 0) + (b.transpose ? k * n : 0)) * 4;
  // Broadcast operands are transposed whole; others as many matrices at a time as scratch allows.
  const chunk = isPlain ? Math.max(1, Math.floor(SCRATCH_LIMIT_BYTES / Math.max(bytes, 1))) : batch;
  for (let first = 0; first < batch; first += chunk) {
    const count = Math.min(chunk, batch - first);
    const [aFirst, aCount] = isPlain ? [first, count] : [0, a.batch];
    const [bFirst, bCount] = isPlain ? [first, count] : [0, b.batch];
    untransposed(backend, a, aFirst, aCount, (aAddress) => {
      untransposed(backend, b, bFirst, bCount, (bAddress) => {
        for (let i = first; i < first + count; i++) {
          gemm(
            backend,
            aAddress + (a.matrixOf(i) - aFirst) * m * k * 4,
            bAddress + (b.matrixOf(i) - bFirst) * k * n * 4,
            out + i * m * n * 4,
            m,
            k,
            n,
          );
        }
      });
    });
  }
}

/**
 * The shape by which XNNPACK first packed a matrix b. The stock kernel caches the packed copy by the data alone, so
 * the same data reshaped would be multiplied in its old shape.
 */
const packedShapes = new WeakMap<TensorInfo['dataId'], string>();

/** Whether the stock kernel may multiply by `b` as a [k, n] matrix without meeting a stale packed copy. */
export function claimPackedShape(b: TensorInfo, k: number, n: number): boolean {
  const shape = `${k}x${n}`;
  const packed = packedShapes.get(b.dataId);
  if (packed === undefined) packedShapes.set(b.dataId, shape);
  return packed === undefined || packed === shape;
}

type StockBatchMatMul = (args: KernelArgs<'a' | 'b', BatchMatMulAttrs>) => TensorInfo;

/** `BatchMatMul` of float32 tensors; the stock kernel serves rank-2 untransposed and tiny products. */
export function batchMatMulFloat32(
  backend: WasmBackend,
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
  stock: StockBatchMatMul | undefined,
): TensorInfo {
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [kOfB, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (k !== kOfB) {
    throw new Error(
      `matMul: inner dimensions differ: ${k} of a [${a.shape}]${transposeA ? 'ᵀ' : ''} and ` +
        `${kOfB} of b [${b.shape}]${transposeB ? 'ᵀ' : ''}`,
    );
  }
  const aBatch = a.shape.slice(0, -2);
  const bBatch = b.shape.slice(0, -2);
  const batchShape = broadcast_util.assertAndGetBroadcastShape(aBatch, bBatch);
  const batch = sizeOf(batchShape);
  const outShape = [...batchShape, m, n];
  const sameBatch = sizeOf(aBatch) === batch && sizeOf(bBatch) === batch;
  if (stock && sameBatch && k > 0) {
    const isSmall = m * k * n <= SMALL_PRODUCT && (batch > 1 || transposeA || transposeB);
    const isPlain = batch === 1 && !transposeA && !transposeB && claimPackedShape(b, k, n);
    if (isSmall || isPlain) {
      return stock({ inputs: { a, b }, backend, attrs: { transposeA, transposeB } });
    }
  }
  const out = backend.makeOutput(outShape, 'float32');
  const outAddress = addressOf(backend, out);
  if (batch * m * n === 0) return out;
  if (k === 0) {
    heapFloats(backend).fill(0, outAddress >>> 2, (outAddress >>> 2) + batch * m * n);
    return out;
  }
  multiplyMatrices(
    backend,
    {
      address: addressOf(backend, a),
      matrixOf: broadcastIndex(aBatch, batchShape),
      batch: sizeOf(aBatch),
      rows: aRows,
      columns: aColumns,
      transpose: transposeA,
    },
    {
      address: addressOf(backend, b),
      matrixOf: broadcastIndex(bBatch, batchShape),
      batch: sizeOf(bBatch),
      rows: bRows,
      columns: bColumns,
      transpose: transposeB,
    },
    outAddress,
    batch,
    m,
    k,
    n,
  );
  return out;
}

/**
 * `BatchMatMul`: XNNPACK's matrix product for every matrix of a batch, in place, after an explicit transposition where
 * one is asked for. The stock kernel uses XNNPACK for one untransposed pair only and a plain loop for all else.
 */
export const batchMatMul = defineKernel<'a' | 'b', BatchMatMulAttrs>(
  BatchMatMul,
  (stock) => (args) => {
    const { a, b } = args.inputs;
    if (a.dtype !== 'float32' || b.dtype !== 'float32') {
      if (stock) return stock(args);
      throw new Error(`matMul on wasm needs float32, got ${a.dtype} and ${b.dtype}`);
    }
    const { transposeA, transposeB } = args.attrs;
    return batchMatMulFloat32(args.backend, a, b, transposeA, transposeB, stock);
  },
);
