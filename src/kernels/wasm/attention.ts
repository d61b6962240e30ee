import type { AttentionSizes } from '../attention_sizes.js';
import { compiledKernels } from './compiled.js';
import { type WasmBackend, withStructure } from './heap.js';

/** Addresses of `[batch, tokens, heads · features]`; of the bias `[heads, queries, keys]`, or 0. */
export interface AttentionInputs {
  readonly query: number;
  readonly key: number;
  readonly value: number;
  readonly bias: number;
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

/** Writes `softmax(scale · Q·Kᵀ + bias) · V` of each head to `out`; not for sizes that `isEmpty` finds empty. */
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
