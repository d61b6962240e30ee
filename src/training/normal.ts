import type { Random } from './random.js';

/** A standard normal number, by two of a stream (Box and Muller). */
export function normal({ uniform }: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}
