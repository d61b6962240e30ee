import { Component } from './jpeg_component';

/**
 * Entropy-coded data of a JPEG: Huffman codes, each followed by the bits of a number. A table of codes is 512 u16,
 * `length << 8 | symbol` by the next nine bits, 0 where a code is longer; by length from 0 to 16, the largest code and
 * where its symbol would be if all codes were so long, int32 each; then the symbols.
 */

const LOOKED_AT: i32 = 9;
const LONGEST: i32 = 16;
const LARGEST: usize = 1024;
const OFFSETS: usize = LARGEST + 17 * 4;
const SYMBOLS: usize = OFFSETS + 17 * 4;
/** Of a code and the number behind it. */
const MOST_BITS: i32 = 32;

/** The address of the next byte. */
let next: usize = 0;
/** Bits to be read: the lowest `count`. */
let bits: u64 = 0;
let count: i32 = 0;
/** How many bits were made up for want of data. */
let made: i32 = 0;

export function startBits(data: usize): void {
  next = data;
  bits = 0;
  count = 0;
  made = 0;
}

/** Whether all data are used up but for what fills the last byte, and the image ends there. */
export function endsHere(): bool {
  const left = count - made;
  return left >= 0 && left < 8 && load<u8>(next) == 0xff && load<u8>(next, 1) == 0xd9;
}

/** Reads bytes, and zeros where a marker says that the data end. */
function refill(): void {
  for (; count <= 56; count += 8) {
    const byte = load<u8>(next);
    if (byte == 0xff && load<u8>(next, 1) != 0) {
      bits <<= 8;
      made += 8;
    } else {
      bits = (bits << 8) | byte;
      next += byte == 0xff ? 2 : 1;
    }
  }
}

/** `length << 8 | symbol` of a code, 0 for none. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function codeAt(table: usize, ahead: u64, available: i32): i32 {
  const short = load<u16>(table + ((<usize>(ahead >> (available - LOOKED_AT))) & 511) * 2);
  return short != 0 ? short : longCode(table, ahead, available);
}

function longCode(table: usize, ahead: u64, available: i32): i32 {
  for (let length = LOOKED_AT + 1; length <= LONGEST; length++) {
    const code = (<i32>(ahead >> (available - length))) & ((1 << length) - 1);
    if (code > load<i32>(table + LARGEST + length * 4)) continue;
    const position = load<i32>(table + OFFSETS + length * 4) + code;
    return (length << 8) | load<u8>(table + SYMBOLS + position);
  }
  return 0;
}

/** The number of so many bits, 1 to 15: those that begin with 0 are negative. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function numberAt(ahead: u64, available: i32, size: i32): i32 {
  const value = (<i32>(ahead >> (available - size))) & ((1 << size) - 1);
  return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}

/**
 * Reads the coefficients of a block.
 *
 * @param block `[8, 8]` int16
 * @param order where each coefficient belongs in the block
 * @returns the position of the last coefficient that is not 0, in that order; -1 for what is no code or no block
 */
export function readBlock(c: Component, block: usize, order: usize): i32 {
  for (let row: usize = 0; row < 128; row += 16) v128.store(block + row, i16x8.splat(0));
  if (count < MOST_BITS) refill();
  let ahead = bits;
  let available = count;
  let code = codeAt(c.dc, ahead, available);
  if (code == 0) return -1;
  available -= code >> 8;
  const size = code & 255;
  if (size != 0) {
    c.last += numberAt(ahead, available, size);
    available -= size;
  }
  store<i16>(block, <i16>c.last);
  let last = 0;
  for (let k = 1; k < 64; k++) {
    if (available < MOST_BITS) {
      count = available;
      refill();
      ahead = bits;
      available = count;
    }
    code = codeAt(c.ac, ahead, available);
    if (code == 0) return -1;
    available -= code >> 8;
    const zeros = (code >> 4) & 15;
    const width = code & 15;
    if (width == 0) {
      if (zeros != 15) break;
      k += 15;
      continue;
    }
    k += zeros;
    if (k > 63) return -1;
    store<i16>(block + load<u8>(order + k) * 2, <i16>numberAt(ahead, available, width));
    available -= width;
    last = k;
  }
  count = available;
  return last;
}
