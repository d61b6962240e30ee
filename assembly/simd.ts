/**
 * What all kernels share: one vector is four float32. Addresses are of the heap of tfjs-backend-wasm.
 *
 * `asc` checks the types of this folder, and so does TypeScript, as editors do. `@inline` on a function is
 * AssemblyScript's own: `@ts-expect-error` lets that line alone pass.
 */

/** Bytes of a vector. */
export const VECTOR: usize = 16;

/** `a * b + c`, fused where the engine has relaxed SIMD; two roundings elsewhere. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The sum of the four elements. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function sumOf(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}
