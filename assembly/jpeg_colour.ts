import { highOf, lowOf, pairs } from './int16';
import { Component } from './jpeg_component';

/** Samples of colour differences at the size of the image, and what colours they mean: as libjpeg does both, in integers. */

/**
 * Doubles a row of samples by "fancy" upsampling: a new sample is three quarters the nearest old one, one quarter
 * the next; likewise between rows, where there are half as many.
 *
 * @param y The row of the image.
 * @param down Whether rows are doubled as well.
 * @param sums Room for two int16 more than samples, and 32 bytes.
 * @param out Room for the row, and 32 bytes.
 */
export function doubledRow(c: Component, y: i32, down: bool, sums: usize, out: usize): void {
  const width = c.width;
  const first = sums + 16;
  if (down) {
    const near = y >> 1;
    const far = max(0, min(c.height - 1, near + ((y & 1) * 2 - 1)));
    addRows(c.plane + near * c.stride, c.plane + far * c.stride, first, width);
  } else {
    widen(c.plane + y * c.stride, first, width);
  }
  store<i16>(first - 2, load<i16>(first));
  store<i16>(first + width * 2, load<i16>(first + width * 2 - 2));
  const left = i16x8.splat(down ? 8 : 1);
  const right = i16x8.splat(down ? 7 : 2);
  const shift = down ? 4 : 2;
  const three = i16x8.splat(3);
  const end = first + width * 2;
  for (let at = first; at < end; at += 16, out += 16) {
    const most = i16x8.mul(v128.load(at), three);
    const even = i16x8.add(i16x8.add(most, v128.load(at - 2)), left);
    const odd = i16x8.add(i16x8.add(most, v128.load(at + 2)), right);
    const shifted = i16x8.shl(i16x8.shr_u(odd, shift), 8);
    v128.store(out, v128.or(i16x8.shr_u(even, shift), shifted));
  }
}

/** `sums = 3 · near + far` */
function addRows(near: usize, far: usize, sums: usize, width: i32): void {
  const three = i16x8.splat(3);
  for (const end = near + width; near < end; near += 8, far += 8, sums += 16) {
    const most = i16x8.mul(v128.load8x8_u(near), three);
    v128.store(sums, i16x8.add(most, v128.load8x8_u(far)));
  }
}

/** Bytes as int16. */
function widen(row: usize, out: usize, width: i32): void {
  for (const end = row + width; row < end; row += 8, out += 16) {
    v128.store(out, v128.load8x8_u(row));
  }
}

/** `(a · factorA + b · factorB) / 65536`, rounded, of eight numbers each. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function weighted(a: v128, b: v128, factors: v128): v128 {
  const half = i32x4.splat(32768);
  const sums0 = i32x4.add(i32x4.dot_i16x8_s(lowOf(a, b), factors), half);
  const sums1 = i32x4.add(i32x4.dot_i16x8_s(highOf(a, b), factors), half);
  // The upper halves.
  return i8x16.shuffle(sums0, sums1, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
}

/** 1.402 Cr: a factor has 16 bits, so whole numbers of Cr are added beside. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function redOf(y: v128, cr: v128): v128 {
  return i16x8.add(i16x8.add(y, cr), weighted(cr, cr, pairs(26345, 0)));
}

/** -0.34414 Cb - 0.71414 Cr */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function greenOf(y: v128, cb: v128, cr: v128): v128 {
  return i16x8.add(i16x8.sub(y, cr), weighted(cb, cr, pairs(-22554, 18734)));
}

/** 1.772 Cb */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function blueOf(y: v128, cb: v128): v128 {
  return i16x8.add(i16x8.add(y, i16x8.add(cb, cb)), weighted(cb, cb, pairs(-14942, 0)));
}

/**
 * RGB of a row of samples.
 *
 * @param y `[width]`, as cb and cr; up to the next multiple of 16
 * @param out `[width, 3]`, up to the next multiple of 48
 */
export function colourRow(y: usize, cb: usize, cr: usize, out: usize, width: i32): void {
  const middle = i16x8.splat(128);
  for (const end = y + width; y < end; y += 16, cb += 16, cr += 16, out += 48) {
    const y0 = v128.load8x8_u(y);
    const y1 = v128.load8x8_u(y, 8);
    const cb0 = i16x8.sub(v128.load8x8_u(cb), middle);
    const cb1 = i16x8.sub(v128.load8x8_u(cb, 8), middle);
    const cr0 = i16x8.sub(v128.load8x8_u(cr), middle);
    const cr1 = i16x8.sub(v128.load8x8_u(cr, 8), middle);
    storeColours(
      out,
      i8x16.narrow_i16x8_u(redOf(y0, cr0), redOf(y1, cr1)),
      i8x16.narrow_i16x8_u(greenOf(y0, cb0, cr0), greenOf(y1, cb1, cr1)),
      i8x16.narrow_i16x8_u(blueOf(y0, cb0), blueOf(y1, cb1)),
    );
  }
}

/** Sixteen pixels. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storeColours(out: usize, r: v128, g: v128, b: v128): void {
  const low = i8x16.shuffle(r, g, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const high = i8x16.shuffle(r, g, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const mid = i8x16.shuffle(low, high, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 21, 21, 21, 21, 21);
  v128.store(out, i8x16.shuffle(low, b, 0, 1, 16, 2, 3, 17, 4, 5, 18, 6, 7, 19, 8, 9, 20, 10));
  v128.store(
    out,
    i8x16.shuffle(mid, b, 0, 21, 1, 2, 22, 3, 4, 23, 5, 6, 24, 7, 8, 25, 9, 10),
    16,
  );
  v128.store(
    out,
    i8x16.shuffle(high, b, 26, 6, 7, 27, 8, 9, 28, 10, 11, 29, 12, 13, 30, 14, 15, 31),
    32,
  );
}
