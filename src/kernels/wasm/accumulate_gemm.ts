import { add, gemm, type WasmBackend, withScratch } from './heap.js';

/** Fills `a` with rows [m, length] and returns the address of b's rows for positions start…start+length. */
export type FillPanel = (a: number, start: number, length: number) => void;

/**
 * `out [m, n] = Σ over panels of A[:, panel]·b[panel, :]`: a product with a long inner dimension `k`, one panel at a
 * time, so that the panel of b stays in the cache and scratch stays small whatever the batch.
 *
 * @param fill writes A[:, start…start+length] as a row-major [m, length] matrix to the address it is given
 * @param panel greatest length of a panel
 */
export function accumulateGemm(
  backend: WasmBackend,
  fill: FillPanel,
  b: number,
  out: number,
  m: number,
  k: number,
  n: number,
  panel: number,
): void {
  const longest = Math.min(panel, k);
  withScratch(backend, [m * longest, k > longest ? m * n : 0], (aPanel, product) => {
    for (let start = 0; start < k; start += longest) {
      const length = Math.min(longest, k - start);
      fill(aPanel, start, length);
      gemm(backend, aPanel, b + start * n * 4, start === 0 ? out : product, m, length, n);
      if (start > 0) add(backend, out, product, out, m * n);
    }
  });
}

/**
 * Panel length at which n columns of b take about 256 KiB. Never a power of two: rows at such a distance fall on the
 * same cache lines, and transposing into them takes ten times as long.
 */
export function panelLength(n: number): number {
  return Math.max(120, Math.min(1000, Math.floor(65536 / n) - 8));
}
