import { seededRandom } from './random.js';

/** A permutation of `items` (Fisher–Yates) that is the same for the same seed and epoch. */
export function shuffled<T>(items: readonly T[], seed: number, epoch: number): T[] {
  const order = [...items];
  const random = seededRandom(seed, epoch);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Cuts `items` into batches; the last may be smaller. @throws Error for a size below 1. */
export function batches<T>(items: readonly T[], batchSize: number): T[][] {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new Error(`batches: batchSize must be an integer from 1 on, not ${batchSize}`);
  }
  const count = Math.ceil(items.length / batchSize);
  return Array.from({ length: count }, (_, i) => items.slice(i * batchSize, (i + 1) * batchSize));
}
