/**
 * Resizing of images, compiled by itself: it has a memory of its own. Integers, so that the order of additions does not
 * matter; fixed point with 22 bits, as in PIL.
 */

const PRECISION: i32 = 22;

/** Which positions count for one of the output, and how much: see `Taps` in src/training/resize.ts. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function at(table: usize, position: usize): i32 {
  return load<i32>(table + position * 4);
}

/** Rounds to bytes, in the lowest four of the vector. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function toBytes(sums: v128): v128 {
  const half = i32x4.splat(1 << (PRECISION - 1));
  const whole = i32x4.shr_s(i32x4.add(sums, half), PRECISION);
  const words = i16x8.narrow_i32x4_s(whole, whole);
  return i8x16.narrow_i16x8_u(words, words);
}

/** Four bytes as integers of 32 bits. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function fromBytes(bytes: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(bytes)));
}

/**
 * Resizes a row of RGB pixels.
 *
 * @param row `[width, 3]` bytes, of which one more can be read
 * @param out `[outWidth, 3]` bytes, of which one more can be written
 * @param stride Weights of output position x start at `x * stride`.
 */
export function resizeRow(
  row: usize,
  out: usize,
  outWidth: usize,
  first: usize,
  count: usize,
  weights: usize,
  stride: usize,
): void {
  for (let x: usize = 0; x < outWidth; x++) {
    let pixel = row + at(first, x) * 3;
    let weight = weights + x * stride * 4;
    const end = weight + at(count, x) * 4;
    let sums = i32x4.splat(0);
    for (; weight < end; weight += 4, pixel += 3) {
      sums = i32x4.add(sums, i32x4.mul(fromBytes(pixel), v128.load32_splat(weight)));
    }
    v128.store32_lane(out + x * 3, toBytes(sums), 0);
  }
}

/**
 * `sums [length] += row [length] · weight`
 *
 * @param row bytes; both up to the next multiple of four
 */
export function addRow(row: usize, sums: usize, length: usize, weight: i32): void {
  const weights = i32x4.splat(weight);
  for (const end = row + length; row < end; row += 4, sums += 16) {
    v128.store(sums, i32x4.add(v128.load(sums), i32x4.mul(fromBytes(row), weights)));
  }
}

/** Rounds sums to bytes, and makes them 0 again. @param out up to the next multiple of four */
export function takeSums(sums: usize, out: usize, length: usize): void {
  for (const end = out + length; out < end; out += 4, sums += 16) {
    v128.store32_lane(out, toBytes(v128.load(sums)), 0);
    v128.store(sums, i32x4.splat(0));
  }
}
