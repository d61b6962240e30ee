import { ArgumentError } from '../ops/errors.js';
import { type Random, seededRandom } from './random.js';

/**
 * A permutation of `items` (Fisher–Yates) that is the same for the same seed and epoch.
 *
 * @example
 * console.log(shuffled(['a', 'b', 'c', 'd'], 1, 0)); // [ 'd', 'a', 'c', 'b' ]
 * console.log(shuffled(['a', 'b', 'c', 'd'], 1, 1)); // [ 'a', 'c', 'd', 'b' ]
 */
export function shuffled<T>(items: readonly T[], seed: number, epoch: number): T[] {
  return shuffledBy(items, seededRandom(seed, epoch));
}

/** A permutation of `items`, by the next numbers of a stream. */
export function shuffledBy<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/**
 * As many samples as there are labels, drawn with replacement: each class that occurs is equally likely,
 * and each of its samples too. The same for the same seed and epoch.
 *
 * @returns Indices into `labels`.
 *
 * @example
 * const labels = [0, 0, 0, 0, 0, 0, 1, 1]; // three of class 0 for one of class 1
 * const drawn = classBalanced(labels, 1, 0); // seed 1, epoch 0
 * console.log(drawn.map((index) => labels[index]).join(' ')); // 0 0 0 1 1 1 0 1
 *
 * Provenance: baseline (POSTER V2's recipe for AffectNet).
 */
export function classBalanced(labels: readonly number[], seed: number, epoch: number): number[] {
  const ofClass = new Map<number, number[]>();
  for (const [index, label] of labels.entries()) {
    const members = ofClass.get(label);
    if (members) members.push(index);
    else ofClass.set(label, [index]);
  }
  const classes = [...ofClass.keys()].sort((a, b) => a - b).map((label) => ofClass.get(label)!);
  const random = seededRandom(seed, epoch);
  const pick = <T>(items: readonly T[]) => items[random.integer(items.length)]!;
  return labels.map(() => pick(pick(classes)));
}

/** For each item, how often it occurred before: what tells repeated draws of one sample apart. */
export function occurrences(items: readonly number[]): number[] {
  const counts = new Map<number, number>();
  return items.map((item) => {
    const count = counts.get(item) ?? 0;
    counts.set(item, count + 1);
    return count;
  });
}

/**
 * Cuts `items` into batches; the last may be smaller.
 *
 * @throws ArgumentError for a size below 1.
 *
 * @example
 * console.log(batches([1, 2, 3, 4, 5], 2)); // [ [ 1, 2 ], [ 3, 4 ], [ 5 ] ]
 */
export function batches<T>(items: readonly T[], batchSize: number): T[][] {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError(`batches: batchSize must be an integer from 1 on, not ${batchSize}`);
  }
  const count = Math.ceil(items.length / batchSize);
  return Array.from({ length: count }, (_, i) => items.slice(i * batchSize, (i + 1) * batchSize));
}
