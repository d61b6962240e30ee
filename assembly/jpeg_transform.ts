import { highOf, lowOf, pairs } from './int16';

/**
 * The inverse cosine transform of libjpeg's `JDCT_ISLOW`: in integers, with 13 bits behind the point, of columns and then of
 * rows (Loeffler, Ligtenberg and Moschytz, 1989). Two products at a time are added up, exactly.
 */

/** Bits behind the point of constants, and how many of them stay between the passes. */
const CONSTANT_BITS: i32 = 13;
const KEPT_BITS: i32 = 2;

/** The two numbers that come from one even and one odd part: of position k, and of 7 - k. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function butterfly(out: usize, mirrored: usize, even: v128, odd: v128, shift: i32): void {
  v128.store(out, i32x4.shr_s(i32x4.add(even, odd), shift));
  v128.store(mirrored, i32x4.shr_s(i32x4.sub(even, odd), shift));
}

/**
 * Transforms four columns.
 *
 * @param sum04 of rows 0 and 4, int32
 * @param rows26 coefficients of two rows, side by side; likewise the next
 * @param sums of rows 7 and 3, and of 5 and 1, side by side
 * @param out eight rows of int32, 32 bytes apart
 */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function transformHalf(
  sum04: v128,
  difference04: v128,
  rows26: v128,
  rows71: v128,
  rows53: v128,
  sums: v128,
  out: usize,
  shift: i32,
): void {
  const half = i32x4.splat(1 << (shift - 1));
  const even0 = i32x4.add(i32x4.shl(sum04, CONSTANT_BITS), half);
  const even1 = i32x4.add(i32x4.shl(difference04, CONSTANT_BITS), half);
  const even2 = i32x4.dot_i16x8_s(rows26, pairs(4433, -10704));
  const even3 = i32x4.dot_i16x8_s(rows26, pairs(10703, 4433));
  const sum0 = i32x4.dot_i16x8_s(sums, pairs(-6436, 9633));
  const sum1 = i32x4.dot_i16x8_s(sums, pairs(9633, 6437));
  const odd0 = i32x4.add(i32x4.dot_i16x8_s(rows71, pairs(-4927, -7373)), sum0);
  const odd1 = i32x4.add(i32x4.dot_i16x8_s(rows53, pairs(-4176, -20995)), sum1);
  const odd2 = i32x4.add(i32x4.dot_i16x8_s(rows53, pairs(-20995, 4177)), sum0);
  const odd3 = i32x4.add(i32x4.dot_i16x8_s(rows71, pairs(-7373, 4926)), sum1);
  butterfly(out, out + 224, i32x4.add(even0, even3), odd3, shift);
  butterfly(out + 32, out + 192, i32x4.add(even1, even2), odd2, shift);
  butterfly(out + 64, out + 160, i32x4.sub(even1, even2), odd1, shift);
  butterfly(out + 96, out + 128, i32x4.sub(even0, even3), odd0, shift);
}

/** Transforms the columns of a block. @param work `[8, 8]` int32, the result */
function transformColumns(block: usize, work: usize, shift: i32): void {
  const row0 = v128.load(block);
  const row1 = v128.load(block, 16);
  const row2 = v128.load(block, 32);
  const row3 = v128.load(block, 48);
  const row4 = v128.load(block, 64);
  const row5 = v128.load(block, 80);
  const row6 = v128.load(block, 96);
  const row7 = v128.load(block, 112);
  // Sums of 16 bits, as in libjpeg-turbo's vector code: only absurd coefficients overflow.
  const sum04 = i16x8.add(row0, row4);
  const difference04 = i16x8.sub(row0, row4);
  const sum73 = i16x8.add(row7, row3);
  const sum51 = i16x8.add(row5, row1);
  transformHalf(
    i32x4.extend_low_i16x8_s(sum04),
    i32x4.extend_low_i16x8_s(difference04),
    lowOf(row2, row6),
    lowOf(row7, row1),
    lowOf(row5, row3),
    lowOf(sum73, sum51),
    work,
    shift,
  );
  transformHalf(
    i32x4.extend_high_i16x8_s(sum04),
    i32x4.extend_high_i16x8_s(difference04),
    highOf(row2, row6),
    highOf(row7, row1),
    highOf(row5, row3),
    highOf(sum73, sum51),
    work + 16,
    shift,
  );
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function rowOf(work: usize, row: usize): v128 {
  return i16x8.narrow_i32x4_s(v128.load(work + row * 32), v128.load(work + row * 32 + 16));
}

/** Makes columns rows. @param work `[8, 8]` int32 @param block `[8, 8]` int16, the result */
function transpose(work: usize, block: usize): void {
  const a0 = rowOf(work, 0);
  const a1 = rowOf(work, 1);
  const a2 = rowOf(work, 2);
  const a3 = rowOf(work, 3);
  const a4 = rowOf(work, 4);
  const a5 = rowOf(work, 5);
  const a6 = rowOf(work, 6);
  const a7 = rowOf(work, 7);
  // Each number comes to its place by three such steps, as by three halvings of a deck of 64 cards.
  const b0 = lowOf(a0, a4);
  const b1 = highOf(a0, a4);
  const b2 = lowOf(a1, a5);
  const b3 = highOf(a1, a5);
  const b4 = lowOf(a2, a6);
  const b5 = highOf(a2, a6);
  const b6 = lowOf(a3, a7);
  const b7 = highOf(a3, a7);
  const c0 = lowOf(b0, b4);
  const c1 = highOf(b0, b4);
  const c2 = lowOf(b1, b5);
  const c3 = highOf(b1, b5);
  const c4 = lowOf(b2, b6);
  const c5 = highOf(b2, b6);
  const c6 = lowOf(b3, b7);
  const c7 = highOf(b3, b7);
  v128.store(block, lowOf(c0, c4));
  v128.store(block, highOf(c0, c4), 16);
  v128.store(block, lowOf(c1, c5), 32);
  v128.store(block, highOf(c1, c5), 48);
  v128.store(block, lowOf(c2, c6), 64);
  v128.store(block, highOf(c2, c6), 80);
  v128.store(block, lowOf(c3, c7), 96);
  v128.store(block, highOf(c3, c7), 112);
}

/** What `transformColumns` and `transpose` make of a block of which only the first row is not 0. @param row scaled */
function spread(row: v128, block: usize): void {
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 0)));
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 1)), 16);
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 2)), 32);
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 3)), 48);
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 4)), 64);
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 5)), 80);
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 6)), 96);
  v128.store(block, i16x8.splat(i16x8.extract_lane_s(row, 7)), 112);
}

/**
 * The samples of a block.
 *
 * @param block `[8, 8]` int16: coefficients, which are lost
 * @param quantisation `[8, 8]` int16: what they count
 * @param work room for `[8, 8]` int32
 * @param out the first of eight rows of bytes
 */
export function transformBlock(
  block: usize,
  quantisation: usize,
  work: usize,
  out: usize,
  stride: i32,
): void {
  let belowFirst = i16x8.splat(0);
  for (let row: usize = 0; row < 128; row += 16) {
    const coefficients = v128.load(block + row);
    if (row > 0) belowFirst = v128.or(belowFirst, coefficients);
    v128.store(block + row, i16x8.mul(coefficients, v128.load(quantisation + row)));
  }
  if (v128.any_true(belowFirst)) {
    transformColumns(block, work, CONSTANT_BITS - KEPT_BITS);
    transpose(work, block);
  } else {
    spread(i16x8.shl(v128.load(block), KEPT_BITS), block);
  }
  transformColumns(block, work, CONSTANT_BITS + KEPT_BITS + 3);
  transpose(work, block);
  const middle = i8x16.splat(-128);
  for (const end = block + 128; block < end; block += 16, out += stride) {
    const samples = v128.load(block);
    const bytes = i8x16.add(i8x16.narrow_i16x8_s(samples, samples), middle);
    v128.store64_lane(out, bytes, 0);
  }
}

/**
 * What `transformBlock` makes of a block whose first coefficient alone is not 0.
 *
 * @param value what the coefficient counts
 */
export function fillBlock(value: i32, out: usize, stride: i32): void {
  const scaled = ((<i32>(<i16>(value << KEPT_BITS))) + (1 << (KEPT_BITS + 2))) >> (KEPT_BITS + 3);
  const bytes = i8x16.splat(<i8>(max(-128, min(127, scaled)) + 128));
  for (const end = out + 8 * stride; out < end; out += stride) v128.store64_lane(out, bytes, 0);
}
