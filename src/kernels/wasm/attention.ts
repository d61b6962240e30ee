import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { addressOf, heapFloats, type WasmBackend, withScratch } from './heap.js';

export interface AttentionSizes {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  /** Features of a head's query and key. */
  readonly depth: number;
  /** Features of a head's value. */
  readonly width: number;
  /** Factor of the scores. */
  readonly scale: number;
}

/** Addresses of `[batch, tokens, heads · features]`; of the bias `[heads, queries, keys]`, or 0. */
export interface AttentionInputs {
  readonly query: number;
  readonly key: number;
  readonly value: number;
  readonly bias: number;
}

function isEmpty(sizes: AttentionSizes): boolean {
  const { batch, heads, queries, keys, depth, width } = sizes;
  return batch * heads * queries * keys * depth * width === 0;
}

/** Writes `softmax(scale · Q·Kᵀ + bias) · V` of each head to `out`; nothing where a size is 0. */
export function attend(
  backend: WasmBackend,
  { query, key, value, bias }: AttentionInputs,
  out: number,
  sizes: AttentionSizes,
): void {
  if (isEmpty(sizes)) return;
  const kernels = compiledKernels(backend);
  const { batch, heads, queries, keys, depth, width, scale } = sizes;
  withScratch(backend, [kernels.attendScratch(keys, depth, width) / 4], (scratch) => {
    kernels.attend(
      query,
      key,
      value,
      bias,
      out,
      batch,
      heads,
      queries,
      keys,
      depth,
      width,
      scale,
      scratch,
    );
  });
}

/** Writes the gradients of {@link attend} to the addresses in `gradients`. */
export function attendGradients(
  backend: WasmBackend,
  dy: number,
  { query, key, value, bias }: AttentionInputs,
  gradients: AttentionInputs,
  sizes: AttentionSizes,
): void {
  if (isEmpty(sizes)) return;
  const kernels = compiledKernels(backend);
  const { batch, heads, queries, keys, depth, width, scale } = sizes;
  withScratch(backend, [kernels.attendGradientsScratch(keys, depth, width) / 4], (scratch) => {
    kernels.attendGradients(
      dy,
      query,
      key,
      value,
      bias,
      gradients.query,
      gradients.key,
      gradients.value,
      gradients.bias,
      batch,
      heads,
      queries,
      keys,
      depth,
      width,
      scale,
      scratch,
    );
  });
}

/** A new float32 tensor of zeros, which is what an attention over nothing gives. */
export function zeros(backend: WasmBackend, shape: number[]): TensorInfo {
  const out = backend.makeOutput(shape, 'float32');
  const start = addressOf(backend, out) >>> 2;
  heapFloats(backend).fill(0, start, start + util.sizeFromShape(shape));
  return out;
}
