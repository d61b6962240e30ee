/**
 * Exponential decay by epoch: `initial · gamma^epoch`.
 *
 * @param initial Learning rate of epoch 0.
 * @param epoch From 0 on.
 * @param gamma Default 0.98. Provenance: baseline (POSTER V2's recipe).
 */
export function exponentialDecay(initial: number, epoch: number, gamma = 0.98): number {
  return initial * gamma ** epoch;
}
