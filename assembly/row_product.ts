import { multiplyAdd } from './simd';

/** Steps of the inner dimension at a time: so many rows of a matrix share the pages they lie on. */
const INNER_BLOCK: usize = 128;

/** Columns in a group. */
const GROUP: usize = 32;

/**
 * `out [n] = row [k] · b [k, n] + bias`. Each number of b serves once, so that packing it would
 * cost more than the product.
 *
 * @param bias `[n]`, or 0
 */
export function multiplyRow(
  row: usize,
  b: usize,
  out: usize,
  k: usize,
  n: usize,
  bias: usize,
): void {
  const bytes = n * 4;
  if (bias) memory.copy(out, bias, bytes);
  else memory.fill(out, 0, bytes);
  for (let first: usize = 0; first < k; first += INNER_BLOCK) {
    const inner = min(INNER_BLOCK, k - first);
    addRows(row + first * 4, b + first * bytes, out, inner, n);
  }
}

/** `out [n] += row [inner] · b [inner, n]` */
function addRows(row: usize, b: usize, out: usize, inner: usize, n: usize): void {
  const step = n * 4;
  let column: usize = 0;
  for (; column + GROUP <= n; column += GROUP) {
    addGroup(row, b + column * 4, step, out + column * 4, inner);
  }
  for (; column + 4 <= n; column += 4) {
    addFour(row, b + column * 4, step, out + column * 4, inner);
  }
  for (; column < n; column++) {
    addOne(row, b + column * 4, step, out + column * 4, inner);
  }
}

function addGroup(row: usize, b: usize, step: usize, out: usize, inner: usize): void {
  let c0 = v128.load(out);
  let c1 = v128.load(out, 16);
  let c2 = v128.load(out, 32);
  let c3 = v128.load(out, 48);
  let c4 = v128.load(out, 64);
  let c5 = v128.load(out, 80);
  let c6 = v128.load(out, 96);
  let c7 = v128.load(out, 112);
  for (let i = inner; i > 0; i--) {
    const a = v128.load32_splat(row);
    c0 = multiplyAdd(a, v128.load(b), c0);
    c1 = multiplyAdd(a, v128.load(b, 16), c1);
    c2 = multiplyAdd(a, v128.load(b, 32), c2);
    c3 = multiplyAdd(a, v128.load(b, 48), c3);
    c4 = multiplyAdd(a, v128.load(b, 64), c4);
    c5 = multiplyAdd(a, v128.load(b, 80), c5);
    c6 = multiplyAdd(a, v128.load(b, 96), c6);
    c7 = multiplyAdd(a, v128.load(b, 112), c7);
    row += 4;
    b += step;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
  v128.store(out, c4, 64);
  v128.store(out, c5, 80);
  v128.store(out, c6, 96);
  v128.store(out, c7, 112);
}

function addFour(row: usize, b: usize, step: usize, out: usize, inner: usize): void {
  let sum = v128.load(out);
  for (let i = inner; i > 0; i--) {
    sum = multiplyAdd(v128.load32_splat(row), v128.load(b), sum);
    row += 4;
    b += step;
  }
  v128.store(out, sum);
}

function addOne(row: usize, b: usize, step: usize, out: usize, inner: usize): void {
  let sum = load<f32>(out);
  for (let i = inner; i > 0; i--) {
    sum += load<f32>(row) * load<f32>(b);
    row += 4;
    b += step;
  }
  store<f32>(out, sum);
}
