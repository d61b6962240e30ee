import { EXP_CONSTANTS, powerOfTwo, writeExpConstants } from './exp';
import { multiplyAdd, VECTOR } from './simd';

/** Bytes of the scratch that {@link gelu} and {@link geluGradient} take for constants. */
export function geluScratch(): usize {
  return EXP_CONSTANTS + 36;
}

function writeConstants(to: usize): void {
  writeExpConstants(to);
  const own = to + EXP_CONSTANTS;
  store<f32>(own, -0.7213475204444817); // −½·log₂ e
  store<f32>(own, 0.28, 4);
  // Φ(−x) = e^(−x²/2) · t·P(t) with t = 1 / (1 + 0.28 x), x ≥ 0, to 1.2e-8.
  store<f32>(own, -0.10632716953373197, 8);
  store<f32>(own, 0.3920615139196005, 12);
  store<f32>(own, -0.2406607636304415, 16);
  store<f32>(own, 0.2719655346136562, 20);
  store<f32>(own, 0.06623215110531269, 24);
  store<f32>(own, 0.116728722533363, 28);
  store<f32>(own, 0.3989422804014327, 32); // 1 / √(2π)
}

/** e^(−x²/2) */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function bell(x: v128, constants: usize): v128 {
  const half = v128.load32_splat(constants + EXP_CONSTANTS);
  return powerOfTwo(f32x4.mul(f32x4.mul(x, half), x), constants);
}

/** Φ(x), the normal distribution, from x and e^(−x²/2). The small side is exact, the other 1 − it. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function distribution(x: v128, density: v128, constants: usize): v128 {
  const own = constants + EXP_CONSTANTS;
  const one = f32x4.splat(1);
  const t = f32x4.div(one, multiplyAdd(f32x4.abs(x), v128.load32_splat(own, 4), one));
  let p = v128.load32_splat(own, 8);
  p = multiplyAdd(p, t, v128.load32_splat(own, 12));
  p = multiplyAdd(p, t, v128.load32_splat(own, 16));
  p = multiplyAdd(p, t, v128.load32_splat(own, 20));
  p = multiplyAdd(p, t, v128.load32_splat(own, 24));
  p = multiplyAdd(p, t, v128.load32_splat(own, 28));
  const beyond = f32x4.mul(f32x4.mul(p, t), density);
  return v128.bitselect(beyond, f32x4.sub(one, beyond), f32x4.lt(x, f32x4.splat(0)));
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function geluOf(x: v128, constants: usize): v128 {
  return f32x4.mul(x, distribution(x, bell(x, constants), constants));
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function slopeOf(dy: v128, x: v128, constants: usize): v128 {
  const density = bell(x, constants);
  const scaled = f32x4.mul(density, v128.load32_splat(constants + EXP_CONSTANTS, 32));
  return f32x4.mul(dy, multiplyAdd(x, scaled, distribution(x, density, constants)));
}

/** `y` = x · Φ(x), elementwise. The error of Φ is below 2e-7. */
export function gelu(x: usize, y: usize, size: usize, scratch: usize): void {
  writeConstants(scratch);
  const bytes = size << 2;
  const vectors = bytes & ~(VECTOR - 1);
  for (let i: usize = 0; i < vectors; i += VECTOR) {
    v128.store(y + i, geluOf(v128.load(x + i), scratch));
  }
  for (let i = vectors; i < bytes; i += 4) {
    v128.store_lane<f32>(y + i, geluOf(v128.load32_splat(x + i), scratch), 0);
  }
}

/** `dx` = dy · (Φ(x) + x·Φ′(x)), elementwise. */
export function geluGradient(dy: usize, x: usize, dx: usize, size: usize, scratch: usize): void {
  writeConstants(scratch);
  const bytes = size << 2;
  const vectors = bytes & ~(VECTOR - 1);
  for (let i: usize = 0; i < vectors; i += VECTOR) {
    v128.store(dx + i, slopeOf(v128.load(dy + i), v128.load(x + i), scratch));
  }
  for (let i = vectors; i < bytes; i += 4) {
    const slope = slopeOf(v128.load32_splat(dy + i), v128.load32_splat(x + i), scratch);
    v128.store_lane<f32>(dx + i, slope, 0);
  }
}
