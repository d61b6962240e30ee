/**
 * Resizing of images, compiled by itself: it has a memory of its own. Integers, so that the order of additions does not
 * matter; fixed point with 22 bits, as in PIL. Two rows or pixels at a time, as many as an instruction multiplies by
 * weights: its factors have 16 bits, so a weight comes in two parts of 11.
 */

const PRECISION: i32 = 22;
const PART: i32 = 11;

/** Products by the upper and lower parts of weights, put together and rounded to integers. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function rounded(sums: v128): v128 {
  const half = i32x4.splat(1 << (PRECISION - 1));
  return i32x4.shr_s(i32x4.add(sums, half), PRECISION);
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function joined(upper: v128, lower: v128): v128 {
  return i32x4.add(i32x4.shl(upper, PART), lower);
}

/** Writes a pixel, and a byte beyond. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storePixel(out: usize, upper: v128, lower: v128): void {
  const whole = rounded(joined(upper, lower));
  const words = i16x8.narrow_i32x4_s(whole, whole);
  v128.store32_lane(out, i8x16.narrow_i16x8_u(words, words), 0);
}

/** Two pixels of which two bytes more can be read: red of both, green of both, blue of both. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function pairAt(pixels: usize): v128 {
  const order = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  return i8x16.swizzle(v128.load64_zero(pixels), order);
}

/**
 * One image on its way to another size: RGB, rows one after the other. The caller writes this structure as consecutive
 * int32, and keeps 32 bytes free behind all that it points at, each row too.
 */
@unmanaged
class Resize {
  /** Bytes of a row. */
  rowBytes: usize;
  outWidth: usize;
  outHeight: i32;
  /** `[outWidth]` the pixel of a row from which on an output pixel counts. */
  columnFirst: usize;
  /** `[outWidth]` how many pairs of pixels count. */
  columnPairs: usize;
  /** `[outWidth, columnStride, 2]` of each pair: upper parts, lower parts; 16 bits for each pixel. */
  columnWeights: usize;
  columnStride: usize;
  /** `[outHeight]` the row from which on an output row counts. */
  rowFirst: usize;
  /** `[outHeight]` how many rows count. */
  rowCount: usize;
  /** `[outHeight, rowStride]` */
  rowWeights: usize;
  rowStride: i32;
  /** Room for two rows of their final width, and how far apart these are. */
  wide: usize;
  wideBytes: usize;
  /** Room for the sums of so many output rows, int32, 0 at first, and how far apart these are. */
  sums: usize;
  sumsBytes: usize;
  open: i32;
  /** `[outHeight, outWidth, 3]` */
  out: usize;
  /** Output rows done so far. */
  done: i32;
}

/** Gives two rows their final width. */
function resizeRows(r: Resize, rows: usize): void {
  const rowBytes = r.rowBytes;
  const outBytes = r.wideBytes;
  const step = r.columnStride * 8;
  let weights = r.columnWeights;
  let out = r.wide;
  for (let x: usize = 0; x < r.outWidth; x++, weights += step, out += 3) {
    let pixel = rows + load<i32>(r.columnFirst + x * 4) * 3;
    const end = weights + load<i32>(r.columnPairs + x * 4) * 8;
    let upper0 = i32x4.splat(0);
    let lower0 = i32x4.splat(0);
    let upper1 = i32x4.splat(0);
    let lower1 = i32x4.splat(0);
    for (let weight = weights; weight < end; weight += 8, pixel += 6) {
      const upper = v128.load32_splat(weight);
      const lower = v128.load32_splat(weight, 4);
      const pair0 = pairAt(pixel);
      const pair1 = pairAt(pixel + rowBytes);
      upper0 = i32x4.add(upper0, i32x4.dot_i16x8_s(pair0, upper));
      lower0 = i32x4.add(lower0, i32x4.dot_i16x8_s(pair0, lower));
      upper1 = i32x4.add(upper1, i32x4.dot_i16x8_s(pair1, upper));
      lower1 = i32x4.add(lower1, i32x4.dot_i16x8_s(pair1, lower));
    }
    storePixel(out, upper0, lower0);
    storePixel(out + outBytes, upper1, lower1);
  }
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function sumsOf(r: Resize, y: i32): usize {
  return r.sums + (y % r.open) * r.sumsBytes;
}

/** What a row counts for one of the output. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function rowWeight(r: Resize, y: i32, row: i32): i32 {
  const k = row - load<i32>(r.rowFirst + y * 4);
  if (k < 0 || k >= load<i32>(r.rowCount + y * 4)) return 0;
  return load<i32>(r.rowWeights + (y * r.rowStride + k) * 4);
}

/** Two numbers of 16 bits, four times. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function splatPair(a: i32, b: i32): v128 {
  return i32x4.splat(a | (b << 16));
}

/** `sums [8] += joined(words · upper, words · lower)`, of which four each */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function addProducts(sums: usize, words: v128, upper: v128, lower: v128): void {
  const products = joined(i32x4.dot_i16x8_s(words, upper), i32x4.dot_i16x8_s(words, lower));
  v128.store(sums, i32x4.add(v128.load(sums), products));
}

/** Adds two rows of their final width, times weights, to the sums of an output row. */
function addRows(r: Resize, sums: usize, weight0: i32, weight1: i32): void {
  const mask = (1 << PART) - 1;
  const upper = splatPair(weight0 >> PART, weight1 >> PART);
  const lower = splatPair(weight0 & mask, weight1 & mask);
  const outBytes = r.wideBytes;
  const end = r.wide + r.outWidth * 3;
  for (let at = r.wide; at < end; at += 8, sums += 32) {
    const row0 = v128.load64_zero(at);
    const row1 = v128.load64_zero(at + outBytes);
    const both = i8x16.shuffle(row0, row1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    addProducts(sums, i16x8.extend_low_i8x16_u(both), upper, lower);
    addProducts(sums + 16, i16x8.extend_high_i8x16_u(both), upper, lower);
  }
}

/** Rounds sums to the bytes of an output row, and makes them 0 again. */
function finishRow(r: Resize, sums: usize, out: usize): void {
  const zero = i32x4.splat(0);
  for (const end = out + r.outWidth * 3; out < end; out += 8, sums += 32) {
    const low = rounded(v128.load(sums));
    const high = rounded(v128.load(sums, 16));
    const words = i16x8.narrow_i32x4_s(low, high);
    v128.store64_lane(out, i8x16.narrow_i16x8_u(words, words), 0);
    v128.store(sums, zero);
    v128.store(sums, zero, 16);
  }
}

/**
 * Resizes the rows of an image from `row` to `end`; the strip before ended at `row`, an even number.
 *
 * @param rows A row more than there are can be read.
 */
export function resizeStrip(r: Resize, rows: usize, row: i32, end: i32): void {
  for (; row < end; row += 2, rows += 2 * r.rowBytes) {
    resizeRows(r, rows);
    const next = row + 2;
    for (let y = r.done; y < r.outHeight && load<i32>(r.rowFirst + y * 4) < next; y++) {
      addRows(r, sumsOf(r, y), rowWeight(r, y, row), rowWeight(r, y, row + 1));
    }
    while (r.done < r.outHeight) {
      const y = r.done;
      if (load<i32>(r.rowFirst + y * 4) + load<i32>(r.rowCount + y * 4) > next) break;
      finishRow(r, sumsOf(r, y), r.out + y * r.outWidth * 3);
      r.done = y + 1;
    }
  }
}
