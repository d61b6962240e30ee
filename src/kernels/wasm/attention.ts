import { compiledKernels } from './compiled.js';
import { type WasmBackend, withScratch } from './heap.js';

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

/** Writes `softmax(scale · Q·Kᵀ + bias) · V` of each head to `out`; not where {@link isEmpty}. */
export function attend(
  backend: WasmBackend,
  { query, key, value, bias }: AttentionInputs,
  out: number,
  sizes: AttentionSizes,
): void {
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
