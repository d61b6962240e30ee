import type { HuffmanCodes } from './jpeg_header.js';

/** As assembly/jpeg_bits.ts has them: by the next so many bits, by length from 0 on, and symbols. */
const lookedAt = 9;
const lengths = 17;
const largestAt = 2 * 2 ** lookedAt;
const offsetsAt = largestAt + 4 * lengths;
const symbolsAt = offsetsAt + 4 * lengths;

/** Bytes of a table of codes. */
export const codesBytes = symbolsAt + 256;

/** Where each coefficient of the file belongs in its block: along the diagonals, back and forth. Shape [64]. */
export const zigzag = zigzagOrder();

/** A table of codes as assembly/jpeg_bits.ts takes it. */
export function tableOf({ counts, symbols }: HuffmanCodes): Uint8Array {
  const table = new Uint8Array(codesBytes);
  const lookup = new Uint16Array(table.buffer, 0, 2 ** lookedAt);
  const largest = new Int32Array(table.buffer, largestAt, lengths).fill(-1);
  const offsets = new Int32Array(table.buffer, offsetsAt, lengths);
  table.set(symbols, symbolsAt);
  let code = 0;
  let position = 0;
  for (let length = 1; length < lengths; length++) {
    const count = counts[length - 1]!;
    offsets[length] = position - code;
    if (count > 0) largest[length] = code + count - 1;
    // However the bits behind a short code go on.
    const continuations = length <= lookedAt ? 2 ** (lookedAt - length) : 0;
    for (let i = 0; i < count * continuations; i++) {
      const symbol = symbols[position + Math.floor(i / continuations)]!;
      lookup[code * continuations + i] = (length << 8) | symbol;
    }
    code = 2 * (code + count);
    position += count;
  }
  return table;
}

/** A quantisation table as assembly/jpeg_transform.ts takes it. */
export function inBlockOrder(quantisation: Uint8Array): Int16Array {
  const block = new Int16Array(quantisation.length);
  for (const [i, place] of zigzag.entries()) block[place] = quantisation[i]!;
  return block;
}

function zigzagOrder(): Uint8Array {
  const places = Array.from({ length: 64 }, (_, i) => ({ row: i >> 3, column: i & 7 }));
  places.sort((a, b) => {
    const diagonal = a.row + a.column;
    const apart = diagonal - (b.row + b.column);
    if (apart !== 0) return apart;
    return diagonal % 2 === 0 ? b.row - a.row : a.row - b.row;
  });
  return Uint8Array.from(places, ({ row, column }) => 8 * row + column);
}
