import { multiplyAdd } from './simd';
import { accumulate5, EIGHT, QUERIES, ROW, tile4, tile5 } from './attention_tiles';

/**
 * Matrices in the order in which tiles read them, and their products. Strides are bytes between the
 * rows of a matrix in a tensor.
 *
 * - keyed: rows in fives, `[rows / 5][width][5]`, padded with zeros;
 * - columned: columns in fives, then in fours as the width demands, `[columns / 5][rows][5]`;
 * - strip: the transposed rows of up to 16 queries, `[width][16]`, padded with zeros;
 * - eights: columns in eights, `[columns / 8][rows][8]`, padded with zeros.
 */

/** How many groups of columns have four members, so that the others have five. */
function countOfFours(width: usize): usize {
  const fours: usize = (width * 4) % 5;
  return fours * 4 <= width ? fours : 0;
}

/** Columns of a columned matrix, with the padding that only narrow ones need. */
export function columnsOf(width: usize): usize {
  const rest = countOfFours(width) * 4;
  return rest + ((width - rest + 4) / 5) * 5;
}

/** Rows of a keyed matrix, with padding. */
export function keyedRows(rows: usize): usize {
  return ((rows + 4) / 5) * 5;
}

export function packKeyed(x: usize, stride: usize, rows: usize, width: usize, out: usize): void {
  const end = keyedRows(rows);
  memory.fill(out + (end - 5) * width * 4, 0, 5 * width * 4);
  for (let first: usize = 0; first < rows; first += 5) {
    const from = x + first * stride;
    if (first + 5 <= rows) {
      packFive(from, stride, width, out);
    } else {
      packRows(from, stride, rows - first, 0, width, out);
    }
    out += width * 20;
  }
}

function packFive(x: usize, stride: usize, width: usize, out: usize): void {
  const whole = width & ~3;
  const fifth = x + 4 * stride;
  for (let i: usize = 0; i < whole; i += 4) {
    const to = out + i * 20;
    transposeBlock(x + i * 4, stride, 1, to, 20, false);
    for (let k: usize = 0; k < 4; k++) {
      store<f32>(to + k * 20, load<f32>(fifth + (i + k) * 4), 16);
    }
  }
  packRows(x, stride, 5, whole, width, out);
}

/** The columns from `begin` on of up to five rows. */
function packRows(
  x: usize,
  stride: usize,
  rows: usize,
  begin: usize,
  width: usize,
  out: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let i = begin; i < width; i++) {
      store<f32>(out + i * 20 + r * 4, load<f32>(x + r * stride + i * 4));
    }
  }
}

export function packColumned(x: usize, stride: usize, rows: usize, width: usize, out: usize): void {
  const fives = columnsOf(width) - countOfFours(width) * 4;
  for (let column: usize = 0; column < fives; column += 5) {
    packColumns(x + column * 4, stride, rows, min<usize>(5, width - column), 20, out);
    out += rows * 20;
  }
  for (let column = fives; column < width; column += 4) {
    packColumns(x + column * 4, stride, rows, 4, 16, out);
    out += rows * 16;
  }
}

function packColumns(
  x: usize,
  stride: usize,
  rows: usize,
  members: usize,
  bytes: usize,
  out: usize,
): void {
  if (members < 4) memory.fill(out, 0, rows * bytes);
  for (let r: usize = 0; r < rows; r++) {
    if (members >= 4) {
      v128.store(out, v128.load(x));
      if (members === 5) store<f32>(out, load<f32>(x, 16), 16);
    } else {
      for (let i: usize = 0; i < members; i++) store<f32>(out + i * 4, load<f32>(x + i * 4));
    }
    x += stride;
    out += bytes;
  }
}

/** Rows times `factor`, as a strip. */
export function packStrip(
  x: usize,
  stride: usize,
  rows: usize,
  width: usize,
  factor: f32,
  out: usize,
): void {
  memory.fill(out, 0, width * ROW);
  addTransposed(x, stride, rows, width, factor, out, ROW);
}

/** Rows times `factor` — and each times its own of `factors`, where there are any — as eights. */
export function packEights(
  x: usize,
  stride: usize,
  rows: usize,
  width: usize,
  factor: f32,
  factors: usize,
  out: usize,
): void {
  memory.fill(out, 0, ((width + 7) / 8) * rows * EIGHT);
  for (let r: usize = 0; r < rows; r++) {
    const product = factors ? factor * load<f32>(factors + r * 4) : factor;
    for (let i: usize = 0; i < width; i++) {
      const to = out + (i >> 3) * rows * EIGHT + r * EIGHT + (i & 7) * 4;
      store<f32>(to, load<f32>(x + i * 4) * product);
    }
    x += stride;
  }
}

/** Eights of `capacity` rows, of which `rows` go to a tensor. */
export function unpackEights(
  packed: usize,
  capacity: usize,
  rows: usize,
  width: usize,
  out: usize,
  stride: usize,
): void {
  for (let column: usize = 0; column < width; column += 8) {
    const members = min<usize>(8, width - column);
    for (let r: usize = 0; r < rows; r++) {
      const from = packed + r * EIGHT;
      const to = out + r * stride + column * 4;
      if (members === 8) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
      } else {
        for (let i: usize = 0; i < members; i++) store<f32>(to + i * 4, load<f32>(from + i * 4));
      }
    }
    packed += capacity * EIGHT;
  }
}

/** `out [columns, rows] += factor · x [rows, columns]ᵀ` */
export function addTransposed(
  x: usize,
  stride: usize,
  rows: usize,
  columns: usize,
  factor: f32,
  out: usize,
  outStride: usize,
): void {
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  for (let r: usize = 0; r < wholeRows; r += 4) {
    const from = x + r * stride;
    const to = out + r * 4;
    for (let c: usize = 0; c < wholeColumns; c += 4) {
      transposeBlock(from + c * 4, stride, factor, to + c * outStride, outStride, true);
    }
  }
  for (let r: usize = 0; r < rows; r++) {
    for (let c = r < wholeRows ? wholeColumns : 0; c < columns; c++) {
      const to = out + c * outStride + r * 4;
      store<f32>(to, load<f32>(to) + factor * load<f32>(x + r * stride + c * 4));
    }
  }
}

/** `out = factor · xᵀ` of 4 × 4 elements, added to what is there if `adds`. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function transposeBlock(
  x: usize,
  stride: usize,
  factor: f32,
  out: usize,
  outStride: usize,
  adds: bool,
): void {
  const a = v128.load(x);
  const b = v128.load(x + stride);
  const c = v128.load(x + 2 * stride);
  const d = v128.load(x + 3 * stride);
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const factors = f32x4.splat(factor);
  put(out, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5), factors, adds);
  put(out + outStride, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7), factors, adds);
  put(out + 2 * outStride, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), factors, adds);
  put(out + 3 * outStride, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), factors, adds);
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function put(out: usize, x: v128, factor: v128, adds: bool): void {
  v128.store(out, adds ? multiplyAdd(x, factor, v128.load(out)) : f32x4.mul(x, factor));
}

/** `out [rows, 16] = keyed [rows, inner] · strip [inner, 16]`, of `queries` columns. */
export function multiplyKeyed(
  keyed: usize,
  rows: usize,
  strip: usize,
  inner: usize,
  queries: usize,
  out: usize,
): void {
  for (let row: usize = 0; row < rows; row += 5) {
    for (let query: usize = 0; query < queries; query += 8) {
      tile5(keyed, strip + query * 4, out + row * ROW + query * 4, inner);
    }
    keyed += inner * 20;
  }
}

/** `out [width, 16] = columned [inner, width]ᵀ · strip [inner, 16]`, of `queries` columns. */
export function multiplyColumned(
  columned: usize,
  width: usize,
  strip: usize,
  inner: usize,
  queries: usize,
  out: usize,
): void {
  const fives = columnsOf(width) - countOfFours(width) * 4;
  for (let column: usize = 0; column < fives; column += 5) {
    for (let query: usize = 0; query < queries; query += 8) {
      tile5(columned, strip + query * 4, out + column * ROW + query * 4, inner);
    }
    columned += inner * 20;
  }
  for (let column = fives; column < width; column += 4) {
    for (let query: usize = 0; query < queries; query += 8) {
      tile4(columned, strip + query * 4, out + column * ROW + query * 4, inner);
    }
    columned += inner * 16;
  }
}

/** `out [rows, width] += strip [rows, queries] · eights [queries, width]`, out in eights too. */
export function addProducts(
  strip: usize,
  rows: usize,
  eights: usize,
  width: usize,
  queries: usize,
  out: usize,
): void {
  for (let column: usize = 0; column < width; column += 8) {
    for (let row: usize = 0; row < rows; row += 5) {
      accumulate5(strip + row * ROW, eights, out + row * EIGHT, queries);
    }
    eights += queries * EIGHT;
    out += rows * EIGHT;
  }
}
