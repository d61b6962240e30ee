/** What a change of the batch did to its faces, in words. */
import { type Output, outputs, type Reading } from '../protocol.js';

/** A reading with the faces that it is of. */
export interface BatchReading extends Reading {
  ids: readonly number[];
}

export interface Change {
  /** Such as `Face 4 left`. */
  text: string;
  /** The face that was made worse; undefined where one came or went. */
  damaged?: number;
  /** The batch before. */
  before: BatchReading;
}

export interface OutputChange {
  output: Output;
  /** Of the damaged face. */
  itself?: Move;
  /** How many of the others moved, and that which moved most. */
  moved: number;
  others: number;
  most?: Move;
}

/** A probability that moved. */
export interface Move {
  id: number;
  label: number;
  from: number;
  to: number;
}

/** Less is no change that anyone would see. */
const visible = 0.005;

export function compare({ before, damaged }: Change, after: BatchReading): OutputChange[] {
  return outputs.flatMap((output) => {
    const [old, now] = [before.probabilities[output], after.probabilities[output]];
    if (!old || !now) return [];
    const moves = after.ids.flatMap((id, i) => {
      const was = old[before.ids.indexOf(id)];
      return was ? [moveOf(id, was, now[i]!)] : [];
    });
    const itself = moves.find(({ id }) => id === damaged);
    const others = moves.filter((move) => move !== itself);
    const moved = others.filter((move) => sizeOf(move) >= visible);
    const [most] = moved.sort((a, b) => sizeOf(b) - sizeOf(a));
    return [
      {
        output,
        moved: moved.length,
        others: others.length,
        ...(itself && { itself }),
        ...(most && { most }),
      },
    ];
  });
}

/** The class whose probability moved most. */
function moveOf(id: number, from: readonly number[], to: readonly number[]): Move {
  const moves = from.map((value, label) => ({ id, label, from: value, to: to[label]! }));
  return moves.reduce((most, move) => (sizeOf(move) > sizeOf(most) ? move : most));
}

function sizeOf({ from, to }: Move): number {
  return Math.abs(to - from);
}
