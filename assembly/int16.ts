/** Vectors of eight int16, for `dot_i16x8_s`, which adds up the products of pairs. */

/** Constants by which the numbers of pairs are multiplied. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function pairs(a: i16, b: i16): v128 {
  return i16x8(a, b, a, b, a, b, a, b);
}

/** The lower halves of two vectors, number beside number. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function lowOf(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
}

/** The upper halves. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function highOf(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
}
