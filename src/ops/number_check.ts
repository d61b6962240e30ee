import { ArgumentError } from './errors.js';

/** Where a number may lie; finite in any case. */
export interface Range {
  /** The least. */
  from?: number;
  /** A bound that is itself excluded. */
  above?: number;
  /** The greatest. */
  to?: number;
  /** A bound that is itself excluded. */
  below?: number;
  integer?: true;
}

/** @throws ArgumentError such as `Sgd: momentum is -1: expected a number from 0 on`. */
export function checkNumber(who: string, name: string, value: number, range: Range): void {
  const { from = -Infinity, above = -Infinity, to = Infinity, below = Infinity, integer } = range;
  const isInside = value >= from && value > above && value <= to && value < below;
  if (isInside && (!integer || Number.isInteger(value))) return;
  throw new ArgumentError(`${who}: ${name} is ${value}: expected ${describe(range)}`);
}

function describe({ from, above, to, below, integer }: Range): string {
  const kind = integer ? 'an integer' : 'a number';
  const start = from === undefined ? above : from;
  const end = to === undefined ? below : to;
  if (start === undefined) return kind;
  if (end === undefined)
    return `${kind} ${from === undefined ? `above ${start}` : `from ${start} on`}`;
  const last = to === undefined ? `to below ${end}` : `to ${end}`;
  return `${kind} ${from === undefined ? `from above ${start}` : `from ${start}`} ${last}`;
}
