import { compiledKernels } from './compiled.js';
import { type WasmBackend, withStructure } from './heap.js';

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

/** Whether there is nothing to attend to or from, so that results are zeros. */
export function isEmpty(sizes: AttentionSizes): boolean {
  const { batch, heads, queries, keys, depth, width } = sizes;
  return batch * heads * queries * keys * depth * width === 0;
}

/** Runs `body` with the structure `Attention` of assembly/attention.ts, and with scratch memory. */
function withAttention(
  backend: WasmBackend,
  { query, key, value, bias }: AttentionInputs,
  { batch, heads, queries, keys, depth, width, scale }: AttentionSizes,
  bytesOf: (address: number) => number,
  body: (attention: number, scratch: number) => void,
): void {
  const integers = [query, key, value, bias, batch, heads, queries, keys, depth, width];
  withStructure(backend, { integers, numbers: [scale] }, bytesOf, body);
}

/** Writes `softmax(scale · Q·Kᵀ + bias) · V` of each head to `out`; not where {@link isEmpty}. */
export function attend(
  backend: WasmBackend,
  inputs: AttentionInputs,
  out: number,
  sizes: AttentionSizes,
): void {
  const kernels = compiledKernels(backend);
  withAttention(backend, inputs, sizes, kernels.attendScratch, (attention, scratch) => {
    kernels.attend(attention, out, scratch);
  });
}

/** Writes the gradients of {@link attend} to the addresses in `gradients`. */
export function attendGradients(
  backend: WasmBackend,
  dy: number,
  inputs: AttentionInputs,
  { query, key, value, bias }: AttentionInputs,
  sizes: AttentionSizes,
): void {
  const kernels = compiledKernels(backend);
  withAttention(backend, inputs, sizes, kernels.attendGradientsScratch, (attention, scratch) => {
    kernels.attendGradients(attention, dy, query, key, value, bias, scratch);
  });
}
