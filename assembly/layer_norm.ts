import { BLOCK, drain, paddedSize, scaleTotals } from './columns';
import { multiplyAdd, sumOf, VECTOR } from './simd';

/** The sum of a row; two sums at once, so that an addition need not wait for the one before. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function rowSum(x: usize, vectors: usize, bytes: usize): f32 {
  let even = f32x4.splat(0);
  let odd = f32x4.splat(0);
  let i: usize = 0;
  for (; i + VECTOR < vectors; i += VECTOR << 1) {
    even = f32x4.add(even, v128.load(x + i));
    odd = f32x4.add(odd, v128.load(x + i, VECTOR));
  }
  if (i < vectors) even = f32x4.add(even, v128.load(x + i));
  let sum = sumOf(f32x4.add(even, odd));
  for (i = vectors; i < bytes; i += 4) sum += load<f32>(x + i);
  return sum;
}

/** The sum of a row's squared deviations from its mean. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function rowSquares(x: usize, mean: f32, vectors: usize, bytes: usize): f32 {
  const center = f32x4.splat(mean);
  let even = f32x4.splat(0);
  let odd = f32x4.splat(0);
  let i: usize = 0;
  for (; i + VECTOR < vectors; i += VECTOR << 1) {
    const first = f32x4.sub(v128.load(x + i), center);
    const second = f32x4.sub(v128.load(x + i, VECTOR), center);
    even = multiplyAdd(first, first, even);
    odd = multiplyAdd(second, second, odd);
  }
  if (i < vectors) {
    const first = f32x4.sub(v128.load(x + i), center);
    even = multiplyAdd(first, first, even);
  }
  let sum = sumOf(f32x4.add(even, odd));
  for (i = vectors; i < bytes; i += 4) {
    const d = load<f32>(x + i) - mean;
    sum += d * d;
  }
  return sum;
}

/** `y` = (x − mean) / √(variance + ε) · gamma + beta, row by row of [rows, size]. */
export function layerNorm(
  x: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  rows: usize,
  size: usize,
  epsilon: f32,
): void {
  const bytes = size << 2;
  const vectors = bytes & ~(VECTOR - 1);
  const perElement = f32(1) / f32(size);
  for (; rows > 0; rows--, x += bytes, y += bytes) {
    const mean = rowSum(x, vectors, bytes) * perElement;
    const variance = rowSquares(x, mean, vectors, bytes) * perElement;
    const inverse: f32 = f32(1) / sqrt<f32>(variance + epsilon);
    const center = f32x4.splat(mean);
    const factor = f32x4.splat(inverse);
    for (let i: usize = 0; i < vectors; i += VECTOR) {
      const normalised = f32x4.mul(f32x4.sub(v128.load(x + i), center), factor);
      v128.store(y + i, multiplyAdd(normalised, v128.load(gamma + i), v128.load(beta + i)));
    }
    for (let i = vectors; i < bytes; i += 4) {
      const normalised = (load<f32>(x + i) - mean) * inverse;
      store<f32>(y + i, normalised * load<f32>(gamma + i) + load<f32>(beta + i));
    }
  }
}

/** `dx` of one row; its part in dGamma and dBeta goes to `scales` and `shifts`. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function rowGradient(
  dy: usize,
  x: usize,
  gamma: usize,
  dx: usize,
  scales: usize,
  shifts: usize,
  bytes: usize,
  perElement: f32,
  epsilon: f32,
): void {
  const vectors = bytes & ~(VECTOR - 1);
  const mean = rowSum(x, vectors, bytes) * perElement;
  const variance = rowSquares(x, mean, vectors, bytes) * perElement;
  const inverse: f32 = f32(1) / sqrt<f32>(variance + epsilon);
  const center = f32x4.splat(mean);
  const factor = f32x4.splat(inverse);
  let total = f32x4.splat(0);
  let along = f32x4.splat(0);
  for (let i: usize = 0; i < vectors; i += VECTOR) {
    const normalised = f32x4.mul(f32x4.sub(v128.load(x + i), center), factor);
    const slope = v128.load(dy + i);
    const scaled = f32x4.mul(slope, v128.load(gamma + i));
    total = f32x4.add(total, scaled);
    along = multiplyAdd(scaled, normalised, along);
    v128.store(scales + i, multiplyAdd(slope, normalised, v128.load(scales + i)));
    v128.store(shifts + i, f32x4.add(slope, v128.load(shifts + i)));
  }
  let sum = sumOf(total);
  let product = sumOf(along);
  for (let i = vectors; i < bytes; i += 4) {
    const normalised = (load<f32>(x + i) - mean) * inverse;
    const slope = load<f32>(dy + i);
    const scaled = slope * load<f32>(gamma + i);
    sum += scaled;
    product += scaled * normalised;
    store<f32>(scales + i, load<f32>(scales + i) + slope * normalised);
    store<f32>(shifts + i, load<f32>(shifts + i) + slope);
  }
  // dx = (dy·γ − mean(dy·γ) − x̂·mean(dy·γ·x̂)) / σ, of which the last is linear in x.
  sum *= perElement;
  const bend = product * perElement * inverse;
  const level = f32x4.splat(sum);
  const slopeOfX = f32x4.splat(-bend);
  for (let i: usize = 0; i < vectors; i += VECTOR) {
    const direct = f32x4.sub(f32x4.mul(v128.load(dy + i), v128.load(gamma + i)), level);
    const bent = multiplyAdd(f32x4.sub(v128.load(x + i), center), slopeOfX, direct);
    v128.store(dx + i, f32x4.mul(bent, factor));
  }
  for (let i = vectors; i < bytes; i += 4) {
    const direct = load<f32>(dy + i) * load<f32>(gamma + i) - sum;
    store<f32>(dx + i, (direct - (load<f32>(x + i) - mean) * bend) * inverse);
  }
}

/**
 * The gradients of {@link layerNorm}.
 *
 * @param scratch 6 float32 for each padded element of a row.
 */
export function layerNormGradient(
  dy: usize,
  x: usize,
  gamma: usize,
  dx: usize,
  dGamma: usize,
  dBeta: usize,
  rows: usize,
  size: usize,
  epsilon: f32,
  scratch: usize,
): void {
  const padded = paddedSize(size);
  const shifts = scratch + (padded << 2);
  const scaleSums = shifts + (padded << 2);
  const shiftSums = scaleSums + (padded << 3);
  memory.fill(scratch, 0, padded * 24);
  const bytes = size << 2;
  const perElement = f32(1) / f32(size);
  for (let row: usize = 0; row < rows; row++) {
    const at = row * bytes;
    rowGradient(dy + at, x + at, gamma, dx + at, scratch, shifts, bytes, perElement, epsilon);
    if (row % BLOCK === BLOCK - 1 || row === rows - 1) {
      drain(scratch, scaleSums, padded);
      drain(shifts, shiftSums, padded);
    }
  }
  scaleTotals(scaleSums, dGamma, size, 1);
  scaleTotals(shiftSums, dBeta, size, 1);
}
