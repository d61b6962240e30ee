import { xoroshiro128plus } from 'pure-rand';
import { mixSeeds } from '../ops/seeds.js';

/** A stream of pseudo-random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** A uniform integer from 0 to n − 1. */
  integer(n: number): number;
}

/**
 * A stream that depends on all of the seeds, in order: the draws of one epoch, or of one image in one
 * epoch, are the same however a run got there.
 *
 * @example
 * const random = seededRandom(1, 0); // seed 1, epoch 0: always these
 * console.log(random.integer(6), random.integer(6), random.integer(6)); // 2 5 1
 */
export function seededRandom(...seeds: number[]): Random {
  const generator = xoroshiro128plus(seeds.reduce(mixSeeds, 0));
  // Its first number is the seed with all bits flipped: of a seed below 2³¹ never below a half.
  generator.unsafeNext();
  const uniform = () => (generator.unsafeNext() >>> 0) / 2 ** 32;
  return { uniform, integer: (n) => Math.floor(uniform() * n) };
}
