import { BLOCK, drain, paddedSize, scaleTotals } from './columns';
import { multiplyAdd, VECTOR } from './simd';

/** Four channels of a row: writes dx and returns `sum` + dy · min(x, 0). */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function slopes(dy: v128, x: v128, alpha: v128, sum: v128, dx: usize): v128 {
  const zero = f32x4.splat(0);
  v128.store(dx, v128.bitselect(dy, f32x4.mul(dy, alpha), f32x4.gt(x, zero)));
  return multiplyAdd(dy, f32x4.min(x, zero), sum);
}

function addSlopes(
  dy: usize,
  x: usize,
  alpha: usize,
  dx: usize,
  sums: usize,
  rows: usize,
  channels: usize,
): void {
  const stride = channels << 2;
  const vectors = stride & ~(VECTOR - 1);
  const bytes = rows * stride;
  const pairs = (rows & ~1) * stride;
  for (let row: usize = 0; row < pairs; row += stride << 1) {
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const at = row + c;
      const below = at + stride;
      const a = v128.load(alpha + c);
      let sum = v128.load(sums + c);
      sum = slopes(v128.load(dy + at), v128.load(x + at), a, sum, dx + at);
      sum = slopes(v128.load(dy + below), v128.load(x + below), a, sum, dx + below);
      v128.store(sums + c, sum);
    }
  }
  for (let row = pairs; row < bytes; row += stride) {
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const at = row + c;
      const sum = v128.load(sums + c);
      const next = slopes(v128.load(dy + at), v128.load(x + at), v128.load(alpha + c), sum, dx + at);
      v128.store(sums + c, next);
    }
  }
  if (vectors === stride) return;
  for (let row: usize = 0; row < bytes; row += stride) {
    for (let c = vectors; c < stride; c += 4) {
      const slope = load<f32>(dy + row + c);
      const value = load<f32>(x + row + c);
      store<f32>(dx + row + c, value > 0 ? slope : slope * load<f32>(alpha + c));
      store<f32>(sums + c, load<f32>(sums + c) + slope * min<f32>(value, 0));
    }
  }
}

/**
 * The gradients of a rectifier with a slope alpha for each channel of [rows, channels].
 *
 * @param scratch 3 float32 for each padded channel.
 */
export function preluGradient(
  dy: usize,
  x: usize,
  alpha: usize,
  dx: usize,
  dAlpha: usize,
  rows: usize,
  channels: usize,
  scratch: usize,
): void {
  const padded = paddedSize(channels);
  const totals = scratch + (padded << 2);
  memory.fill(scratch, 0, padded * 12);
  const stride = channels << 2;
  for (let row: usize = 0; row < rows; row += BLOCK) {
    const at = row * stride;
    addSlopes(dy + at, x + at, alpha, dx + at, scratch, min(BLOCK, rows - row), channels);
    drain(scratch, totals, padded);
  }
  scaleTotals(totals, dAlpha, channels, 1);
}
