import { multiplyAdd, VECTOR } from './simd';

/**
 * Sums over the rows of matrices [rows, channels], channel by channel. A block of rows is summed in
 * float32 and the blocks in float64, so that a million rows lose no more than a block does.
 */

/** Rows of a block: few enough for float32, and for the block to stay in the cache. */
export const BLOCK: usize = 64;

/** Channels rounded up to whole vectors: the size of arrays of sums. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function paddedSize(channels: usize): usize {
  return (channels + 3) & ~3;
}

/** `totals` (float64) += `sums` (float32), which start again at 0. */
export function drain(sums: usize, totals: usize, padded: usize): void {
  const zero = f32x4.splat(0);
  const bytes = padded << 2;
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    const four = v128.load(sums + i);
    const to = totals + (i << 1);
    const low = f64x2.promote_low_f32x4(four);
    const high = f64x2.promote_low_f32x4(upperHalf(four));
    v128.store(to, f64x2.add(v128.load(to), low));
    v128.store(to, f64x2.add(v128.load(to, 16), high), 16);
    v128.store(sums + i, zero);
  }
}

/** The third and fourth element, first. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
export function upperHalf(v: v128): v128 {
  return v128.shuffle<f32>(v, v, 2, 3, 2, 3);
}

/** `out` (float32) = `scale` · `totals` (float64). */
export function scaleTotals(totals: usize, out: usize, channels: usize, scale: f64): void {
  for (let c: usize = 0; c < channels; c++) {
    store<f32>(out + (c << 2), f32(load<f64>(totals + (c << 3)) * scale));
  }
}

/** `sums` += the rows, four at a time: a tree of additions, and one access of the sums. */
export function addRows(x: usize, sums: usize, rows: usize, channels: usize): void {
  const stride = channels << 2;
  const vectors = stride & ~(VECTOR - 1);
  for (; rows >= 4; rows -= 4, x += stride << 2) {
    const x1 = x + stride;
    const x2 = x1 + stride;
    const x3 = x2 + stride;
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const first = f32x4.add(v128.load(x + c), v128.load(x1 + c));
      const second = f32x4.add(v128.load(x2 + c), v128.load(x3 + c));
      v128.store(sums + c, f32x4.add(v128.load(sums + c), f32x4.add(first, second)));
    }
    for (let c = vectors; c < stride; c += 4) {
      const first = load<f32>(x + c) + load<f32>(x1 + c);
      const second = load<f32>(x2 + c) + load<f32>(x3 + c);
      store<f32>(sums + c, load<f32>(sums + c) + (first + second));
    }
  }
  for (; rows > 0; rows--, x += stride) {
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      v128.store(sums + c, f32x4.add(v128.load(sums + c), v128.load(x + c)));
    }
    for (let c = vectors; c < stride; c += 4) {
      store<f32>(sums + c, load<f32>(sums + c) + load<f32>(x + c));
    }
  }
}

/**
 * `out` [channels] = `scale` · the sum of the rows.
 *
 * @param scratch 3 float32 for each padded channel.
 */
export function columnSums(
  x: usize,
  out: usize,
  rows: usize,
  channels: usize,
  scale: f64,
  scratch: usize,
): void {
  const padded = paddedSize(channels);
  const totals = scratch + (padded << 2);
  memory.fill(scratch, 0, padded * 12);
  const stride = channels << 2;
  for (let row: usize = 0; row < rows; row += BLOCK) {
    addRows(x + row * stride, scratch, min(BLOCK, rows - row), channels);
    drain(scratch, totals, padded);
  }
  scaleTotals(totals, out, channels, scale);
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function addProductsAt(
  dy: usize,
  x: usize,
  mean: usize,
  sums: usize,
  products: usize,
  stride: usize,
  vectors: usize,
): void {
  for (let c: usize = 0; c < vectors; c += VECTOR) {
    const slope = v128.load(dy + c);
    const centered = f32x4.sub(v128.load(x + c), v128.load(mean + c));
    v128.store(sums + c, f32x4.add(v128.load(sums + c), slope));
    v128.store(products + c, multiplyAdd(slope, centered, v128.load(products + c)));
  }
  for (let c = vectors; c < stride; c += 4) {
    const slope = load<f32>(dy + c);
    const centered = load<f32>(x + c) - load<f32>(mean + c);
    store<f32>(sums + c, load<f32>(sums + c) + slope);
    store<f32>(products + c, load<f32>(products + c) + slope * centered);
  }
}

/** `sums` += rows of dy, `products` += rows of dy·(x − mean). */
function addProducts(
  dy: usize,
  x: usize,
  mean: usize,
  sums: usize,
  products: usize,
  rows: usize,
  channels: usize,
): void {
  const stride = channels << 2;
  const vectors = stride & ~(VECTOR - 1);
  for (; rows >= 4; rows -= 4, x += stride << 2, dy += stride << 2) {
    const x2 = x + (stride << 1);
    const dy2 = dy + (stride << 1);
    for (let c: usize = 0; c < vectors; c += VECTOR) {
      const center = v128.load(mean + c);
      const d0 = v128.load(dy + c);
      const d1 = v128.load(dy + stride + c);
      const d2 = v128.load(dy2 + c);
      const d3 = v128.load(dy2 + stride + c);
      const p0 = f32x4.mul(d0, f32x4.sub(v128.load(x + c), center));
      const p1 = multiplyAdd(d1, f32x4.sub(v128.load(x + stride + c), center), p0);
      const p2 = f32x4.mul(d2, f32x4.sub(v128.load(x2 + c), center));
      const p3 = multiplyAdd(d3, f32x4.sub(v128.load(x2 + stride + c), center), p2);
      const slopes = f32x4.add(f32x4.add(d0, d1), f32x4.add(d2, d3));
      v128.store(sums + c, f32x4.add(v128.load(sums + c), slopes));
      v128.store(products + c, f32x4.add(v128.load(products + c), f32x4.add(p1, p3)));
    }
    if (vectors < stride) {
      for (let row: usize = 0; row < stride << 2; row += stride) {
        const rest = stride - vectors;
        const at = row + vectors;
        addProductsAt(dy + at, x + at, mean + vectors, sums + vectors, products + vectors, rest, 0);
      }
    }
  }
  for (; rows > 0; rows--, x += stride, dy += stride) {
    addProductsAt(dy, x, mean, sums, products, stride, vectors);
  }
}

/**
 * `sums` [channels] = Σ dy and `products` = Σ dy·(x − mean), over the rows.
 *
 * @param scratch 6 float32 for each padded channel.
 */
export function columnProducts(
  dy: usize,
  x: usize,
  mean: usize,
  sums: usize,
  products: usize,
  rows: usize,
  channels: usize,
  scratch: usize,
): void {
  const padded = paddedSize(channels);
  const second = scratch + (padded << 2);
  const sumTotals = second + (padded << 2);
  const productTotals = sumTotals + (padded << 3);
  memory.fill(scratch, 0, padded * 24);
  const stride = channels << 2;
  for (let row: usize = 0; row < rows; row += BLOCK) {
    const at = row * stride;
    addProducts(dy + at, x + at, mean, scratch, second, min(BLOCK, rows - row), channels);
    drain(scratch, sumTotals, padded);
    drain(second, productTotals, padded);
  }
  scaleTotals(sumTotals, sums, channels, 1);
  scaleTotals(productTotals, products, channels, 1);
}
