import { multiplyAdd, VECTOR } from './simd';
import { ROWS } from './product_tiles';

/**
 * The transforms of Winograd's convolution F(4×4, 3×3) and of its filter gradient F(3×3, 4×4) (Lavin
 * and Gray, arXiv 1509.09308), for four channels at a time. Both interpolate at 0, ±A, ±B and
 * infinity. A = 1/√2 and B = √2 keep numbers of all positions alike: the usual 1 and 2 lose four
 * times as much in float32.
 */

/** Pixels along a tile of the input. */
export const TILE: usize = 6;

/** Pixels along a tile of the output. */
export const STEP: usize = 4;

/** Taps along a filter. */
export const TAPS: usize = 3;

/** Numbers of a transformed tile. */
export const POSITIONS: usize = TILE * TILE;

/** Bytes of a table of the addresses of a tile's pixels. */
export const TABLE_BYTES: usize = POSITIONS * 4;

/** Bytes of five vectors for each position. */
export const STAGE_BYTES: usize = POSITIONS * ROWS * VECTOR;

/** Bytes between transforms along the columns and along the rows. */
export const GRID_BYTES: usize = POSITIONS * VECTOR;

const A: f32 = 0.70710677;
const B: f32 = 1.4142135;
const A2: f32 = 0.5;
const B2: f32 = 2;

/** Factors of the filter at ±A and ±B: one over the products of distances to the other points. */
const FACTOR_A: f32 = -2 / 3;
const FACTOR_B: f32 = 1 / 6;

/** Six pixels along one direction. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storePixels(
  d0: v128,
  d1: v128,
  d2: v128,
  d3: v128,
  d4: v128,
  d5: v128,
  out: usize,
  step: usize,
): void {
  const both = f32x4.splat(-A2 - B2);
  v128.store(out, multiplyAdd(d2, both, f32x4.add(d0, d4)));
  const evenA = multiplyAdd(d2, f32x4.splat(-B2), d4);
  const oddA = f32x4.mul(multiplyAdd(d1, f32x4.splat(-B2), d3), f32x4.splat(A));
  v128.store(out + step, f32x4.add(evenA, oddA));
  v128.store(out + 2 * step, f32x4.sub(evenA, oddA));
  const evenB = multiplyAdd(d2, f32x4.splat(-A2), d4);
  const oddB = f32x4.mul(multiplyAdd(d1, f32x4.splat(-A2), d3), f32x4.splat(B));
  v128.store(out + 3 * step, f32x4.add(evenB, oddB));
  v128.store(out + 4 * step, f32x4.sub(evenB, oddB));
  v128.store(out + 5 * step, multiplyAdd(d3, both, f32x4.add(d1, d5)));
}

/** Three or four taps along one direction: their first, their last, and sums at ±A and ±B. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storeTaps(
  first: v128,
  last: v128,
  evenA: v128,
  oddA: v128,
  evenB: v128,
  oddB: v128,
  out: usize,
  step: usize,
): void {
  v128.store(out, first);
  const a = f32x4.mul(evenA, f32x4.splat(FACTOR_A));
  const a1 = f32x4.mul(oddA, f32x4.splat(FACTOR_A * A));
  v128.store(out + step, f32x4.add(a, a1));
  v128.store(out + 2 * step, f32x4.sub(a, a1));
  const b = f32x4.mul(evenB, f32x4.splat(FACTOR_B));
  const b1 = f32x4.mul(oddB, f32x4.splat(FACTOR_B * B));
  v128.store(out + 3 * step, f32x4.add(b, b1));
  v128.store(out + 4 * step, f32x4.sub(b, b1));
  v128.store(out + 5 * step, last);
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storeThreeTaps(g0: v128, g1: v128, g2: v128, out: usize, step: usize): void {
  const evenA = multiplyAdd(g2, f32x4.splat(A2), g0);
  const evenB = multiplyAdd(g2, f32x4.splat(B2), g0);
  storeTaps(g0, g2, evenA, g1, evenB, g1, out, step);
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storeFourTaps(g0: v128, g1: v128, g2: v128, g3: v128, out: usize, step: usize): void {
  const evenA = multiplyAdd(g2, f32x4.splat(A2), g0);
  const oddA = multiplyAdd(g3, f32x4.splat(A2), g1);
  const evenB = multiplyAdd(g2, f32x4.splat(B2), g0);
  const oddB = multiplyAdd(g3, f32x4.splat(B2), g1);
  storeTaps(g0, g3, evenA, oddA, evenB, oddB, out, step);
}

/** The pixel of a tile's table, from byte `offset` of its channels on. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function pixel(table: usize, index: usize, offset: usize): v128 {
  return v128.load(load<usize>(table + index * 4) + offset);
}

/**
 * Four channels of a tile of 6×6 pixels: position after position, `step` bytes apart.
 *
 * @param table addresses of the pixels, of which the channels begin at byte `offset`
 * @param grid {@link GRID_BYTES} of scratch
 */
export function transformPixels(
  table: usize,
  offset: usize,
  grid: usize,
  out: usize,
  step: usize,
): void {
  for (let j: usize = 0; j < TILE; j++) {
    storePixels(
      pixel(table, j, offset),
      pixel(table, j + TILE, offset),
      pixel(table, j + 2 * TILE, offset),
      pixel(table, j + 3 * TILE, offset),
      pixel(table, j + 4 * TILE, offset),
      pixel(table, j + 5 * TILE, offset),
      grid + j * VECTOR,
      TILE * VECTOR,
    );
  }
  for (let i: usize = 0; i < TILE; i++) {
    storePixels(
      v128.load(grid),
      v128.load(grid, 16),
      v128.load(grid, 32),
      v128.load(grid, 48),
      v128.load(grid, 64),
      v128.load(grid, 80),
      out,
      step,
    );
    grid += TILE * VECTOR;
    out += TILE * step;
  }
}

/** Four channels of a filter's 3×3 taps, which lie one after the other; see {@link transformPixels}. */
export function transformFilterTaps(taps: usize, grid: usize, out: usize, step: usize): void {
  for (let j: usize = 0; j < TAPS; j++) {
    const at = taps + j * VECTOR;
    const middle = v128.load(at, 48);
    storeThreeTaps(v128.load(at), middle, v128.load(at, 96), grid + j * VECTOR, TILE * VECTOR);
  }
  for (let i: usize = 0; i < TILE; i++) {
    storeThreeTaps(v128.load(grid), v128.load(grid, 16), v128.load(grid, 32), out, step);
    grid += TILE * VECTOR;
    out += TILE * step;
  }
}

/** Four channels of a tile of 4×4 of an output gradient; see {@link transformPixels}. */
export function transformGradient(
  table: usize,
  offset: usize,
  grid: usize,
  out: usize,
  step: usize,
): void {
  for (let j: usize = 0; j < STEP; j++) {
    storeFourTaps(
      pixel(table, j, offset),
      pixel(table, j + STEP, offset),
      pixel(table, j + 2 * STEP, offset),
      pixel(table, j + 3 * STEP, offset),
      grid + j * VECTOR,
      TILE * VECTOR,
    );
  }
  for (let i: usize = 0; i < TILE; i++) {
    storeFourTaps(
      v128.load(grid),
      v128.load(grid, 16),
      v128.load(grid, 32),
      v128.load(grid, 48),
      out,
      step,
    );
    grid += TILE * VECTOR;
    out += TILE * step;
  }
}

/**
 * Back: four channels of a tile of 4×4 pixels from their sums at all positions, `step` bytes apart.
 *
 * @param bias four numbers
 * @param table addresses of the pixels, of which the channels begin at byte `offset`
 * @param grid {@link GRID_BYTES} of scratch
 */
export function restorePixels(
  sums: usize,
  step: usize,
  bias: usize,
  grid: usize,
  table: usize,
  offset: usize,
): void {
  const row = TILE * VECTOR;
  for (let j: usize = 0; j < TILE; j++) {
    const at = sums + j * step;
    const m1 = v128.load(at + TILE * step);
    const m2 = v128.load(at + 2 * TILE * step);
    const m3 = v128.load(at + 3 * TILE * step);
    const m4 = v128.load(at + 4 * TILE * step);
    const to = grid + j * VECTOR;
    v128.store(to, sumOfAll(v128.load(at), f32x4.add(m1, m2), f32x4.add(m3, m4)));
    v128.store(to + row, slope(f32x4.sub(m1, m2), f32x4.sub(m3, m4)));
    v128.store(to + 2 * row, curve(f32x4.add(m1, m2), f32x4.add(m3, m4)));
    const last = v128.load(at + 5 * TILE * step);
    v128.store(to + 3 * row, cubic(f32x4.sub(m1, m2), f32x4.sub(m3, m4), last));
  }
  const start = v128.load(bias);
  for (let i: usize = 0; i < STEP; i++) {
    const m0 = f32x4.add(v128.load(grid), start);
    const m1 = v128.load(grid, 16);
    const m2 = v128.load(grid, 32);
    const m3 = v128.load(grid, 48);
    const m4 = v128.load(grid, 64);
    const m5 = f32x4.add(v128.load(grid, 80), start);
    const sumA = f32x4.add(m1, m2);
    const sumB = f32x4.add(m3, m4);
    const differenceA = f32x4.sub(m1, m2);
    const differenceB = f32x4.sub(m3, m4);
    v128.store(load<usize>(table) + offset, sumOfAll(m0, sumA, sumB));
    v128.store(load<usize>(table, 4) + offset, f32x4.add(slope(differenceA, differenceB), start));
    v128.store(load<usize>(table, 8) + offset, f32x4.add(curve(sumA, sumB), start));
    v128.store(load<usize>(table, 12) + offset, cubic(differenceA, differenceB, m5));
    grid += row;
    table += STEP * 4;
  }
}

/** Back: four channels of 3×3 taps, `tapBytes` apart, from their sums; see {@link restorePixels}. */
export function restoreTaps(
  sums: usize,
  step: usize,
  grid: usize,
  out: usize,
  tapBytes: usize,
): void {
  const row = TILE * VECTOR;
  for (let j: usize = 0; j < TILE; j++) {
    const at = sums + j * step;
    const to = grid + j * VECTOR;
    storeRestored(
      v128.load(at),
      v128.load(at + TILE * step),
      v128.load(at + 2 * TILE * step),
      v128.load(at + 3 * TILE * step),
      v128.load(at + 4 * TILE * step),
      v128.load(at + 5 * TILE * step),
      to,
      row,
    );
  }
  for (let i: usize = 0; i < TAPS; i++) {
    storeRestored(
      v128.load(grid),
      v128.load(grid, 16),
      v128.load(grid, 32),
      v128.load(grid, 48),
      v128.load(grid, 64),
      v128.load(grid, 80),
      out,
      tapBytes,
    );
    grid += row;
    out += TAPS * tapBytes;
  }
}

/** Three taps along one direction. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storeRestored(
  m0: v128,
  m1: v128,
  m2: v128,
  m3: v128,
  m4: v128,
  m5: v128,
  out: usize,
  step: usize,
): void {
  const sumA = f32x4.add(m1, m2);
  const sumB = f32x4.add(m3, m4);
  v128.store(out, sumOfAll(m0, sumA, sumB));
  v128.store(out + step, slope(f32x4.sub(m1, m2), f32x4.sub(m3, m4)));
  v128.store(out + 2 * step, f32x4.add(curve(sumA, sumB), m5));
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function sumOfAll(m0: v128, sumA: v128, sumB: v128): v128 {
  return f32x4.add(m0, f32x4.add(sumA, sumB));
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function slope(differenceA: v128, differenceB: v128): v128 {
  return multiplyAdd(differenceA, f32x4.splat(A), f32x4.mul(differenceB, f32x4.splat(B)));
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function curve(sumA: v128, sumB: v128): v128 {
  return multiplyAdd(sumA, f32x4.splat(A2), f32x4.mul(sumB, f32x4.splat(B2)));
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function cubic(differenceA: v128, differenceB: v128, m5: v128): v128 {
  const b = multiplyAdd(differenceB, f32x4.splat(B2 * B), m5);
  return multiplyAdd(differenceA, f32x4.splat(A2 * A), b);
}

/**
 * Packs four channels of five tiles, `[positions][5 tiles][4 channels]`, as a panel's
 * `[4 channels][5 tiles]` of each position.
 */
export function packTiles(stage: usize, out: usize, positionBytes: usize): void {
  for (let i: usize = 0; i < POSITIONS; i++) {
    const r0 = v128.load(stage);
    const r1 = v128.load(stage, 16);
    const r2 = v128.load(stage, 32);
    const r3 = v128.load(stage, 48);
    const r4 = v128.load(stage, 64);
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<f64>(low01, low23, 0, 2));
    v128.store_lane<f32>(out, r4, 0, 16);
    v128.store(out, v128.shuffle<f64>(low01, low23, 1, 3), 20);
    v128.store_lane<f32>(out, r4, 1, 36);
    v128.store(out, v128.shuffle<f64>(high01, high23, 0, 2), 40);
    v128.store_lane<f32>(out, r4, 2, 56);
    v128.store(out, v128.shuffle<f64>(high01, high23, 1, 3), 60);
    v128.store_lane<f32>(out, r4, 3, 76);
    stage += ROWS * VECTOR;
    out += positionBytes;
  }
}

/**
 * Packs twenty channels of one tile, `[positions][20 channels]`, as one line each of `panels` panels
 * of five channels, `panelBytes` apart.
 */
export function packChannels(
  stage: usize,
  panels: usize,
  out: usize,
  panelBytes: usize,
  positionBytes: usize,
): void {
  for (let i: usize = 0; i < POSITIONS; i++) {
    let from = stage;
    let to = out;
    for (let p: usize = 0; p < panels; p++) {
      v128.store(to, v128.load(from));
      store<f32>(to, load<f32>(from, 16), 16);
      from += ROWS * 4;
      to += panelBytes;
    }
    stage += ROWS * VECTOR;
    out += positionBytes;
  }
}

/**
 * The taps of a filter for four channels and four columns, `[4 channels][9 taps][4 columns]`.
 *
 * @param from the first tap, of four columns for each channel, or where `transpose` is set of four
 *   channels for each column; the next channel or column is `lineBytes` further
 * @param rowBytes from one row of taps to the next
 * @param tapBytes from one tap of a row to the next
 */
export function gatherTaps(
  from: usize,
  lineBytes: usize,
  rowBytes: usize,
  tapBytes: usize,
  transpose: bool,
  out: usize,
): void {
  const channel = TAPS * TAPS * VECTOR;
  for (let i: usize = 0; i < TAPS * TAPS; i++) {
    const at = from + (i / TAPS) * rowBytes + (i % TAPS) * tapBytes;
    let r0 = v128.load(at);
    let r1 = v128.load(at + lineBytes);
    let r2 = v128.load(at + 2 * lineBytes);
    let r3 = v128.load(at + 3 * lineBytes);
    if (transpose) {
      const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      r0 = v128.shuffle<f64>(low01, low23, 0, 2);
      r1 = v128.shuffle<f64>(low01, low23, 1, 3);
      r2 = v128.shuffle<f64>(high01, high23, 0, 2);
      r3 = v128.shuffle<f64>(high01, high23, 1, 3);
    }
    v128.store(out, r0);
    v128.store(out + channel, r1);
    v128.store(out + 2 * channel, r2);
    v128.store(out + 3 * channel, r3);
    out += VECTOR;
  }
}
