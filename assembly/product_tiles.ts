import { multiplyAdd } from './simd';

/**
 * Products of packed matrices in tiles of 5 rows by 8 columns that stay in registers: the largest
 * tile for which engines spill none, without and with relaxed SIMD. Rows of the result are wherever
 * a table of addresses says.
 */

/** Rows of a tile. */
export const ROWS: usize = 5;

/** Columns of a tile. */
export const COLUMNS: usize = 8;

/** Bytes of a tile and of the addresses of its rows, for tiles at the right edge of a result. */
export const EDGE_BYTES: usize = ROWS * COLUMNS * 4 + ROWS * 4;

/**
 * `out [5, 8] = start + Σ_i a[i, 5]ᵀ · b[i, 8]` over `inner` steps i. It starts from the 8 numbers
 * of `bias`, or from what out holds if `bias` is 0.
 *
 * @param bStep bytes between the steps of b: packed columns, or the rows of a matrix
 * @param targets addresses of the five rows of out, of which the tile begins at byte `column`
 */
export function multiplyTile(
  a: usize,
  b: usize,
  bStep: usize,
  inner: usize,
  bias: usize,
  targets: usize,
  column: usize,
): void {
  let c00: v128;
  let c01: v128;
  let c10: v128;
  let c11: v128;
  let c20: v128;
  let c21: v128;
  let c30: v128;
  let c31: v128;
  let c40: v128;
  let c41: v128;
  if (bias) {
    c00 = c10 = c20 = c30 = c40 = v128.load(bias);
    c01 = c11 = c21 = c31 = c41 = v128.load(bias, 16);
  } else {
    const row0 = load<usize>(targets) + column;
    const row1 = load<usize>(targets, 4) + column;
    const row2 = load<usize>(targets, 8) + column;
    const row3 = load<usize>(targets, 12) + column;
    const row4 = load<usize>(targets, 16) + column;
    c00 = v128.load(row0);
    c01 = v128.load(row0, 16);
    c10 = v128.load(row1);
    c11 = v128.load(row1, 16);
    c20 = v128.load(row2);
    c21 = v128.load(row2, 16);
    c30 = v128.load(row3);
    c31 = v128.load(row3, 16);
    c40 = v128.load(row4);
    c41 = v128.load(row4, 16);
  }
  for (let i = inner; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = multiplyAdd(a0, b0, c00);
    c01 = multiplyAdd(a0, b1, c01);
    const a1 = v128.load32_splat(a, 4);
    c10 = multiplyAdd(a1, b0, c10);
    c11 = multiplyAdd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 8);
    c20 = multiplyAdd(a2, b0, c20);
    c21 = multiplyAdd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 12);
    c30 = multiplyAdd(a3, b0, c30);
    c31 = multiplyAdd(a3, b1, c31);
    const a4 = v128.load32_splat(a, 16);
    c40 = multiplyAdd(a4, b0, c40);
    c41 = multiplyAdd(a4, b1, c41);
    a += ROWS * 4;
    b += bStep;
  }
  storeEight(load<usize>(targets) + column, c00, c01);
  storeEight(load<usize>(targets, 4) + column, c10, c11);
  storeEight(load<usize>(targets, 8) + column, c20, c21);
  storeEight(load<usize>(targets, 12) + column, c30, c31);
  storeEight(load<usize>(targets, 16) + column, c40, c41);
}

// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function storeEight(to: usize, first: v128, second: v128): void {
  v128.store(to, first);
  v128.store(to, second, 16);
}

/**
 * The first four columns of {@link multiplyTile}, of packed b: half of a tile is half of the work.
 */
export function multiplyHalfTile(
  a: usize,
  b: usize,
  inner: usize,
  bias: usize,
  targets: usize,
  column: usize,
): void {
  let c0: v128;
  let c1: v128;
  let c2: v128;
  let c3: v128;
  let c4: v128;
  if (bias) {
    c0 = c1 = c2 = c3 = c4 = v128.load(bias);
  } else {
    c0 = v128.load(load<usize>(targets) + column);
    c1 = v128.load(load<usize>(targets, 4) + column);
    c2 = v128.load(load<usize>(targets, 8) + column);
    c3 = v128.load(load<usize>(targets, 12) + column);
    c4 = v128.load(load<usize>(targets, 16) + column);
  }
  for (let i = inner; i > 0; i--) {
    const b0 = v128.load(b);
    c0 = multiplyAdd(v128.load32_splat(a), b0, c0);
    c1 = multiplyAdd(v128.load32_splat(a, 4), b0, c1);
    c2 = multiplyAdd(v128.load32_splat(a, 8), b0, c2);
    c3 = multiplyAdd(v128.load32_splat(a, 12), b0, c3);
    c4 = multiplyAdd(v128.load32_splat(a, 16), b0, c4);
    a += ROWS * 4;
    b += COLUMNS * 4;
  }
  v128.store(load<usize>(targets) + column, c0);
  v128.store(load<usize>(targets, 4) + column, c1);
  v128.store(load<usize>(targets, 8) + column, c2);
  v128.store(load<usize>(targets, 12) + column, c3);
  v128.store(load<usize>(targets, 16) + column, c4);
}

/**
 * A block of a result: `panels` packed panels of five rows times `columns` columns. Panels of
 * columns are the outer loop: one stays in the innermost cache while those of rows pass.
 *
 * @param a `[panels][inner][5]`
 * @param b panels of eight columns, `panelStep` bytes from one to the next and `bStep` between the
 *   steps of one
 * @param last the packed panel of the last columns where they are fewer than eight, `[inner][8]`
 * @param bias padded to a multiple of 8 numbers; 0 to add to the result
 * @param targets addresses of the rows of the result, of which the block begins at byte `start`
 * @param edge {@link EDGE_BYTES} of scratch
 */
export function multiplyBlock(
  a: usize,
  panels: usize,
  b: usize,
  bStep: usize,
  panelStep: usize,
  last: usize,
  columns: usize,
  inner: usize,
  bias: usize,
  targets: usize,
  start: usize,
  edge: usize,
): void {
  for (let column: usize = 0; column < columns; column += COLUMNS) {
    const members = min(COLUMNS, columns - column);
    const biasAt = bias ? bias + column * 4 : 0;
    const to = start + column * 4;
    let panel = a;
    for (let p: usize = 0; p < panels; p++) {
      const rows = targets + p * ROWS * 4;
      if (members === COLUMNS) multiplyTile(panel, b, bStep, inner, biasAt, rows, to);
      else multiplyEdge(panel, last, inner, biasAt, rows, to, members, edge);
      panel += inner * ROWS * 4;
    }
    b += panelStep;
  }
}

/** A tile of which only the first `members` columns exist, by way of a whole one. */
function multiplyEdge(
  a: usize,
  b: usize,
  inner: usize,
  bias: usize,
  targets: usize,
  column: usize,
  members: usize,
  edge: usize,
): void {
  const rows = edge + ROWS * COLUMNS * 4;
  for (let r: usize = 0; r < ROWS; r++) {
    const row = edge + r * COLUMNS * 4;
    store<usize>(rows + r * 4, row);
    if (!bias) copyNumbers(load<usize>(targets + r * 4) + column, row, members);
  }
  if (members > COLUMNS / 2) multiplyTile(a, b, COLUMNS * 4, inner, bias, rows, 0);
  else multiplyHalfTile(a, b, inner, bias, rows, 0);
  for (let r: usize = 0; r < ROWS; r++) {
    copyNumbers(edge + r * COLUMNS * 4, load<usize>(targets + r * 4) + column, members);
  }
}

function copyNumbers(from: usize, to: usize, count: usize): void {
  for (let i: usize = 0; i < count; i++) store<f32>(to + i * 4, load<f32>(from + i * 4));
}
