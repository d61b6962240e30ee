import { ArgumentError } from '../ops/errors.js';
import { mixSeeds } from '../ops/seeds.js';
import { shuffled } from './sampler.js';

/**
 * Chooses a part of a data set to hold out of training, the same share of each class. The same seed
 * chooses the same part.
 *
 * Of a class with n samples, `fraction`·n are held out, rounded, but at least one and not all; a class
 * with a single sample is left to training.
 *
 * @param labels Class of each sample.
 * @param fraction Between 0 and 1.
 * @returns indices into `labels`, ascending.
 * @throws ArgumentError for a fraction out of range.
 *
 * @example
 * const labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
 * const held = holdOut(labels, 0.25, 1); // a quarter, seed 1
 * console.log(held.map((index) => labels[index])); // [ 0, 1, 1 ]
 */
export function holdOut(labels: readonly number[], fraction: number, seed: number): number[] {
  if (!(fraction > 0 && fraction < 1)) {
    throw new ArgumentError(`holdOut: fraction must be between 0 and 1, not ${fraction}`);
  }
  const held: number[] = [];
  for (const label of new Set(labels)) {
    const members = [...labels.keys()].filter((index) => labels[index] === label);
    const wanted = Math.max(1, Math.round(fraction * members.length));
    const count = Math.min(wanted, members.length - 1);
    held.push(...shuffled(members, mixSeeds(seed, heldOutStream), label).slice(0, count));
  }
  return held.sort((a, b) => a - b);
}

/** Keeps this draw apart from those of the epochs' orders. */
const heldOutStream = 0x686f6c64;
