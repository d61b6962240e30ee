import { addRows, BLOCK, paddedSize, upperHalf } from './columns';
import { multiplyAdd, VECTOR } from './simd';

/** `squares` = the sum over the rows of (x − center)². */
function sumSquares(x: usize, center: usize, squares: usize, rows: usize, channels: usize): void {
  const stride = channels << 2;
  const vectors = stride & ~(VECTOR - 1);
  memory.fill(squares, 0, paddedSize(channels) << 2);
  for (; rows >= 4; rows -= 4, x += stride << 2) {
    const x2 = x + (stride << 1);
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const middle = v128.load(center + c);
      const d0 = f32x4.sub(v128.load(x + c), middle);
      const d1 = f32x4.sub(v128.load(x + stride + c), middle);
      const d2 = f32x4.sub(v128.load(x2 + c), middle);
      const d3 = f32x4.sub(v128.load(x2 + stride + c), middle);
      const first = multiplyAdd(d1, d1, f32x4.mul(d0, d0));
      const second = multiplyAdd(d3, d3, f32x4.mul(d2, d2));
      v128.store(squares + c, f32x4.add(v128.load(squares + c), f32x4.add(first, second)));
    }
    for (let row: usize = 0; row < stride << 2; row += stride) {
      squareTail(x + row, center, squares, vectors, stride);
    }
  }
  for (; rows > 0; rows--, x += stride) {
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const d = f32x4.sub(v128.load(x + c), v128.load(center + c));
      v128.store(squares + c, multiplyAdd(d, d, v128.load(squares + c)));
    }
    squareTail(x, center, squares, vectors, stride);
  }
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function squareTail(x: usize, center: usize, squares: usize, from: usize, to: usize): void {
  for (let c = from; c < to; c += 4) {
    const d = load<f32>(x + c) - load<f32>(center + c);
    store<f32>(squares + c, load<f32>(squares + c) + d * d);
  }
}

/** Two channels of {@link mergeBlock}. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function mergePair(
  sum: v128,
  square: v128,
  mean: usize,
  moment: usize,
  perBlock: v128,
  share: v128,
  weight: v128,
): void {
  const delta = f64x2.sub(f64x2.mul(sum, perBlock), v128.load(mean));
  v128.store(mean, f64x2.add(v128.load(mean), f64x2.mul(delta, share)));
  const between = f64x2.mul(f64x2.mul(delta, delta), weight);
  v128.store(moment, f64x2.add(v128.load(moment), f64x2.add(square, between)));
}

/** Takes a block's sums and squared deviations into the mean and moment of the `before` rows above. */
function mergeBlock(
  sums: usize,
  squares: usize,
  means: usize,
  moments: usize,
  padded: usize,
  before: f64,
  rows: f64,
): void {
  const all = before + rows;
  const perBlock = f64x2.splat(f64(1) / rows);
  const share = f64x2.splat(rows / all);
  const weight = f64x2.splat((before * rows) / all);
  const bytes = padded << 2;
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    const sum = v128.load(sums + i);
    const square = v128.load(squares + i);
    const mean = means + (i << 1);
    const moment = moments + (i << 1);
    mergePair(
      f64x2.promote_low_f32x4(sum),
      f64x2.promote_low_f32x4(square),
      mean,
      moment,
      perBlock,
      share,
      weight,
    );
    mergePair(
      f64x2.promote_low_f32x4(upperHalf(sum)),
      f64x2.promote_low_f32x4(upperHalf(square)),
      mean + VECTOR,
      moment + VECTOR,
      perBlock,
      share,
      weight,
    );
  }
}

/**
 * Mean and biased variance of each channel of [rows, channels], read once from memory: the deviations
 * of a block of rows from its own mean, while it is in the cache, and blocks merged in float64.
 *
 * @param scratch 7 float32 for each padded channel.
 *
 * Source: Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample
 * variances, 1979.
 */
export function batchStatistics(
  x: usize,
  mean: usize,
  variance: usize,
  rows: usize,
  channels: usize,
  scratch: usize,
): void {
  const padded = paddedSize(channels);
  const bytes = padded << 2;
  const centers = scratch + bytes;
  const squares = centers + bytes;
  const means = squares + bytes;
  const moments = means + (bytes << 1);
  memory.fill(scratch, 0, bytes * 7);
  const stride = channels << 2;
  for (let row: usize = 0; row < rows; row += BLOCK) {
    const block = x + row * stride;
    const count = min(BLOCK, rows - row);
    memory.fill(scratch, 0, bytes);
    addRows(block, scratch, count, channels);
    const perRow = f32x4.splat(f32(1) / f32(count));
    for (let i: usize = 0; i < bytes; i += VECTOR) {
      v128.store(centers + i, f32x4.mul(v128.load(scratch + i), perRow));
    }
    sumSquares(block, centers, squares, count, channels);
    mergeBlock(scratch, squares, means, moments, padded, f64(row), f64(count));
  }
  for (let c: usize = 0; c < channels; c++) {
    store<f32>(mean + (c << 2), f32(load<f64>(means + (c << 3))));
    store<f32>(variance + (c << 2), f32(load<f64>(moments + (c << 3)) / f64(rows)));
  }
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function normalised(x: v128, mean: v128, factor: v128, shift: v128): v128 {
  return multiplyAdd(f32x4.sub(x, mean), factor, shift);
}

/** `y` = (x − mean) · factor + shift, channel by channel of [rows, channels]. */
export function normaliseColumns(
  x: usize,
  mean: usize,
  factor: usize,
  shift: usize,
  y: usize,
  rows: usize,
  channels: usize,
): void {
  const stride = channels << 2;
  const vectors = stride & ~(VECTOR - 1);
  const to = y - x;
  for (; rows >= 4; rows -= 4, x += stride << 2) {
    const x2 = x + (stride << 1);
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const m = v128.load(mean + c);
      const f = v128.load(factor + c);
      const s = v128.load(shift + c);
      v128.store(x + c + to, normalised(v128.load(x + c), m, f, s));
      v128.store(x + stride + c + to, normalised(v128.load(x + stride + c), m, f, s));
      v128.store(x2 + c + to, normalised(v128.load(x2 + c), m, f, s));
      v128.store(x2 + stride + c + to, normalised(v128.load(x2 + stride + c), m, f, s));
    }
    for (let row: usize = 0; row < stride << 2; row += stride) {
      normaliseTail(x + row, mean, factor, shift, to, vectors, stride);
    }
  }
  for (; rows > 0; rows--, x += stride) {
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const m = v128.load(mean + c);
      const f = v128.load(factor + c);
      v128.store(x + c + to, normalised(v128.load(x + c), m, f, v128.load(shift + c)));
    }
    normaliseTail(x, mean, factor, shift, to, vectors, stride);
  }
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function normaliseTail(
  x: usize,
  mean: usize,
  factor: usize,
  shift: usize,
  to: usize,
  from: usize,
  end: usize,
): void {
  for (let c = from; c < end; c += 4) {
    const centered = load<f32>(x + c) - load<f32>(mean + c);
    store<f32>(x + c + to, centered * load<f32>(factor + c) + load<f32>(shift + c));
  }
}

/** `dx` = dy · factor + (x − mean) · slope + offset, channel by channel of [rows, channels]. */
export function combineColumns(
  dy: usize,
  x: usize,
  mean: usize,
  factor: usize,
  slope: usize,
  offset: usize,
  dx: usize,
  rows: usize,
  channels: usize,
): void {
  const stride = channels << 2;
  const vectors = stride & ~(VECTOR - 1);
  const bytes = rows * stride;
  // A last row without a second is computed twice.
  for (let row: usize = 0; row < bytes; row += stride << 1) {
    const next = row + stride < bytes ? row + stride : row;
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const m = v128.load(mean + c);
      const f = v128.load(factor + c);
      const s = v128.load(slope + c);
      const o = v128.load(offset + c);
      const at = row + c;
      const first = normalised(v128.load(x + at), m, s, o);
      v128.store(dx + at, multiplyAdd(v128.load(dy + at), f, first));
      const below = next + c;
      const second = normalised(v128.load(x + below), m, s, o);
      v128.store(dx + below, multiplyAdd(v128.load(dy + below), f, second));
    }
  }
  if (vectors === stride) return;
  for (let row: usize = 0; row < bytes; row += stride) {
    for (let c = vectors; c < stride; c += 4) {
      const centered = load<f32>(x + row + c) - load<f32>(mean + c);
      const along = centered * load<f32>(slope + c) + load<f32>(offset + c);
      store<f32>(dx + row + c, load<f32>(dy + row + c) * load<f32>(factor + c) + along);
    }
  }
}
