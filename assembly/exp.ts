import { multiplyAdd } from './simd';

/** Bytes of the constants that the functions here read, a cache line. */
export const EXP_CONSTANTS: usize = 64;

/**
 * Writes the constants of {@link exponential} and {@link powerOfTwo} to scratch: engines build a vector constant anew
 * wherever it is used, which in a loop takes longer than to load it.
 */
export function writeExpConstants(to: usize): void {
  store<f32>(to, 1.44269502); // log₂ e
  // 1.5 · 2^23 puts the nearest integer in the low bits of a sum, 127 makes that a float's exponent.
  store<f32>(to, 12583039, 4);
  // −ln 2 in two parts, of which the first times any exponent is exact.
  store<f32>(to, -0.693145751953125, 8);
  store<f32>(to, -1.42860677e-6, 12);
  // The polynomial of e^r, in XNNPACK's words rr2-p5.
  store<f32>(to, 0.00828929059, 16);
  store<f32>(to, 0.0418978222, 20);
  store<f32>(to, 0.166676521, 24);
  store<f32>(to, 0.499991506, 28);
  store<f32>(to, 0.999999702, 32);
  store<f32>(to, -87.3365402, 36); // below it e^x has no normal float32
  // The polynomial of 2^r, with the least greatest relative error.
  store<f32>(to, 0.00132647273, 40);
  store<f32>(to, 0.00967151299, 44);
  store<f32>(to, 0.0555073358, 48);
  store<f32>(to, 0.240222424, 52);
  store<f32>(to, 0.693147004, 56);
  store<f32>(to, -126, 60); // below it 2^x has no normal float32
}

/**
 * e^x of four numbers that are at most 88, such as what a softmax takes exponentials of: 0 where x
 * is below −87.3 or −∞, NaN where it is NaN. Relative error below 2e-7, none at 0.
 *
 * x = n·ln 2 + r with |r| ≤ ln(2) / 2, so that e^x = 2^n · e^r.
 */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function exponential(x: v128, constants: usize): v128 {
  const rounder = v128.load32_splat(constants, 4);
  const shifted = multiplyAdd(x, v128.load32_splat(constants), rounder);
  const power = i32x4.shl(shifted, 23);
  const n = f32x4.sub(shifted, rounder);
  let r = multiplyAdd(n, v128.load32_splat(constants, 8), x);
  r = multiplyAdd(n, v128.load32_splat(constants, 12), r);
  let p = v128.load32_splat(constants, 16);
  p = multiplyAdd(p, r, v128.load32_splat(constants, 20));
  p = multiplyAdd(p, r, v128.load32_splat(constants, 24));
  p = multiplyAdd(p, r, v128.load32_splat(constants, 28));
  p = multiplyAdd(p, r, v128.load32_splat(constants, 32));
  const result = multiplyAdd(f32x4.mul(r, power), p, power);
  return v128.andnot(result, f32x4.lt(x, v128.load32_splat(constants, 36)));
}

/**
 * 2^x of four numbers that are at most 127: 0 where x is below −126 or −∞, NaN where it is NaN.
 * Relative error below 2e-7, none at 0. Four operations less than {@link exponential}: whoever scales
 * x anyway can scale it by log₂ e too.
 */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function powerOfTwo(x: v128, constants: usize): v128 {
  const rounder = v128.load32_splat(constants, 4);
  const shifted = f32x4.add(x, rounder);
  const power = i32x4.shl(shifted, 23);
  const r = f32x4.sub(x, f32x4.sub(shifted, rounder));
  let p = v128.load32_splat(constants, 40);
  p = multiplyAdd(p, r, v128.load32_splat(constants, 44));
  p = multiplyAdd(p, r, v128.load32_splat(constants, 48));
  p = multiplyAdd(p, r, v128.load32_splat(constants, 52));
  p = multiplyAdd(p, r, v128.load32_splat(constants, 56));
  const result = multiplyAdd(f32x4.mul(r, power), p, power);
  return v128.andnot(result, f32x4.lt(x, v128.load32_splat(constants, 60)));
}
