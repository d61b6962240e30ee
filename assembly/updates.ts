import { multiplyAdd, sumOf, VECTOR } from './simd';

/** `out = keep · x + scale · y` of `size` elements. The output may be an input. */
export function addScaled(
  x: usize,
  y: usize,
  out: usize,
  size: usize,
  scale: f32,
  keep: f32,
): void {
  const factor = f32x4.splat(scale);
  const kept = f32x4.splat(keep);
  const bytes = size << 2;
  const vectors = bytes & ~(VECTOR - 1);
  for (let i: usize = 0; i < vectors; i += VECTOR) {
    const old = f32x4.mul(v128.load(x + i), kept);
    v128.store(out + i, multiplyAdd(v128.load(y + i), factor, old));
  }
  for (let i = vectors; i < bytes; i += 4) {
    store<f32>(out + i, keep * load<f32>(x + i) + scale * load<f32>(y + i));
  }
}

/** Bytes that are summed in float32, before the sum goes on in float64. */
const BLOCK: usize = 4096;

/** `Σ x²` of `size` elements. */
export function sumOfSquares(x: usize, size: usize): f64 {
  const end = x + (size << 2);
  let total: f64 = 0;
  while (x < end) {
    const blockEnd = min<usize>(x + BLOCK, end);
    const pairsEnd = x + ((blockEnd - x) & ~(2 * VECTOR - 1));
    let even = f32x4.splat(0);
    let odd = f32x4.splat(0);
    for (; x < pairsEnd; x += 2 * VECTOR) {
      const first = v128.load(x);
      const second = v128.load(x + VECTOR);
      even = multiplyAdd(first, first, even);
      odd = multiplyAdd(second, second, odd);
    }
    total += <f64>sumOf(f32x4.add(even, odd));
    for (; x < blockEnd; x += 4) total += <f64>(load<f32>(x) * load<f32>(x));
  }
  return total;
}
