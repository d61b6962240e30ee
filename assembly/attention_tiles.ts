import { multiplyAdd } from './simd';

/**
 * Products of attention in tiles that stay in registers: up to 5 rows of one matrix by 8 columns of
 * another. Five by eight is the largest tile whose loop engines keep in registers without and with
 * relaxed SIMD; unrolling that loop makes it slower.
 */

/** Queries that lie side by side in a strip. Tiles take them in eights, each key fetched for all. */
export const QUERIES: usize = 16;

/** Bytes of one row of a strip. */
export const ROW: usize = QUERIES * 4;

/** Bytes of eight numbers. */
export const EIGHT: usize = 32;

/** `c [5, 8] = Σ_i a[i, 5]ᵀ · b[i, 8]` over `inner` steps i; b and c are eight columns of strips. */
export function tile5(a: usize, b: usize, c: usize, inner: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0);
  let c41 = f32x4.splat(0);
  for (let i: usize = inner; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = multiplyAdd(a0, b0, c00);
    c01 = multiplyAdd(a0, b1, c01);
    const a1 = v128.load32_splat(a, 4);
    c10 = multiplyAdd(a1, b0, c10);
    c11 = multiplyAdd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 8);
    c20 = multiplyAdd(a2, b0, c20);
    c21 = multiplyAdd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 12);
    c30 = multiplyAdd(a3, b0, c30);
    c31 = multiplyAdd(a3, b1, c31);
    const a4 = v128.load32_splat(a, 16);
    c40 = multiplyAdd(a4, b0, c40);
    c41 = multiplyAdd(a4, b1, c41);
    a += 20;
    b += ROW;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, ROW);
  v128.store(c, c11, ROW + 16);
  v128.store(c, c20, 2 * ROW);
  v128.store(c, c21, 2 * ROW + 16);
  v128.store(c, c30, 3 * ROW);
  v128.store(c, c31, 3 * ROW + 16);
  v128.store(c, c40, 4 * ROW);
  v128.store(c, c41, 4 * ROW + 16);
}

/** `c [4, 8] = Σ_i a[i, 4]ᵀ · b[i, 8]` over `inner` steps i; b and c are eight columns of strips. */
export function tile4(a: usize, b: usize, c: usize, inner: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  for (let i: usize = inner; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = multiplyAdd(a0, b0, c00);
    c01 = multiplyAdd(a0, b1, c01);
    const a1 = v128.load32_splat(a, 4);
    c10 = multiplyAdd(a1, b0, c10);
    c11 = multiplyAdd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 8);
    c20 = multiplyAdd(a2, b0, c20);
    c21 = multiplyAdd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 12);
    c30 = multiplyAdd(a3, b0, c30);
    c31 = multiplyAdd(a3, b1, c31);
    a += 16;
    b += ROW;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, ROW);
  v128.store(c, c11, ROW + 16);
  v128.store(c, c20, 2 * ROW);
  v128.store(c, c21, 2 * ROW + 16);
  v128.store(c, c30, 3 * ROW);
  v128.store(c, c31, 3 * ROW + 16);
}

/**
 * `c [5, 8] += a [5, inner] · b [inner, 8]`, where a are `inner` columns of a strip; b and c are
 * packed.
 */
export function accumulate5(a: usize, b: usize, c: usize, inner: usize): void {
  let c00 = v128.load(c);
  let c01 = v128.load(c, 16);
  let c10 = v128.load(c, 32);
  let c11 = v128.load(c, 48);
  let c20 = v128.load(c, 64);
  let c21 = v128.load(c, 80);
  let c30 = v128.load(c, 96);
  let c31 = v128.load(c, 112);
  let c40 = v128.load(c, 128);
  let c41 = v128.load(c, 144);
  for (let i: usize = inner; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = multiplyAdd(a0, b0, c00);
    c01 = multiplyAdd(a0, b1, c01);
    const a1 = v128.load32_splat(a, ROW);
    c10 = multiplyAdd(a1, b0, c10);
    c11 = multiplyAdd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 2 * ROW);
    c20 = multiplyAdd(a2, b0, c20);
    c21 = multiplyAdd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 3 * ROW);
    c30 = multiplyAdd(a3, b0, c30);
    c31 = multiplyAdd(a3, b1, c31);
    const a4 = v128.load32_splat(a, 4 * ROW);
    c40 = multiplyAdd(a4, b0, c40);
    c41 = multiplyAdd(a4, b1, c41);
    a += 4;
    b += EIGHT;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, 32);
  v128.store(c, c11, 48);
  v128.store(c, c20, 64);
  v128.store(c, c21, 80);
  v128.store(c, c30, 96);
  v128.store(c, c31, 112);
  v128.store(c, c40, 128);
  v128.store(c, c41, 144);
}
