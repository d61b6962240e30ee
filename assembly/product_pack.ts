import { COLUMNS, ROWS } from './product_tiles';

/**
 * Packing: the part of a matrix that tiles read, in the order in which they read it. A panel holds
 * 5 rows of a left matrix, or 8 columns of a right one, side by side: `[inner][5]`, `[inner][8]`.
 * The numbers come from wherever a table of addresses says, so that a matrix, a transposed matrix
 * and the windows of an image differ only in their tables.
 */

/** Writes `count` addresses that are `stride` bytes apart, then that of zeros until `padded`. */
export function fillAddresses(
  table: usize,
  first: usize,
  stride: usize,
  count: usize,
  zeros: usize,
  padded: usize,
): void {
  for (let i: usize = 0; i < count; i++) {
    store<usize>(table + i * 4, first);
    first += stride;
  }
  for (let i = count; i < padded; i++) store<usize>(table + i * 4, zeros);
}

/**
 * Packs lines that run along the inner dimension: `sources` has the address of each line.
 *
 * @param width lines in a panel: 5 or 8
 * @param count numbers taken from each line
 * @param panelBytes from one panel to the next
 */
export function packAcross(
  sources: usize,
  panels: usize,
  width: usize,
  count: usize,
  out: usize,
  panelBytes: usize,
): void {
  for (let p: usize = 0; p < panels; p++) {
    interleaveFour(sources, count, out, width * 4);
    if (width === COLUMNS) interleaveFour(sources + 16, count, out + 16, width * 4);
    else interleaveOne(sources + 16, count, out + 16, width * 4);
    sources += width * 4;
    out += panelBytes;
  }
}

/** Four lines side by side, `stride` bytes for each number of a line. */
function interleaveFour(sources: usize, count: usize, out: usize, stride: usize): void {
  let s0: usize = load<usize>(sources);
  let s1: usize = load<usize>(sources, 4);
  let s2: usize = load<usize>(sources, 8);
  let s3: usize = load<usize>(sources, 12);
  let i = count;
  for (; i >= 4; i -= 4) {
    const r0 = v128.load(s0);
    const r1 = v128.load(s1);
    const r2 = v128.load(s2);
    const r3 = v128.load(s3);
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<f64>(low01, low23, 0, 2));
    v128.store(out + stride, v128.shuffle<f64>(low01, low23, 1, 3));
    out += 2 * stride;
    v128.store(out, v128.shuffle<f64>(high01, high23, 0, 2));
    v128.store(out + stride, v128.shuffle<f64>(high01, high23, 1, 3));
    out += 2 * stride;
    s0 += 16;
    s1 += 16;
    s2 += 16;
    s3 += 16;
  }
  for (; i > 0; i--) {
    store<f32>(out, load<f32>(s0));
    store<f32>(out, load<f32>(s1), 4);
    store<f32>(out, load<f32>(s2), 8);
    store<f32>(out, load<f32>(s3), 12);
    out += stride;
    s0 += 4;
    s1 += 4;
    s2 += 4;
    s3 += 4;
  }
}

function interleaveOne(sources: usize, count: usize, out: usize, stride: usize): void {
  const source: usize = load<usize>(sources);
  for (let i: usize = 0; i < count; i++) {
    store<f32>(out, load<f32>(source + i * 4));
    out += stride;
  }
}

/**
 * Packs lines that run across the panels: `sources` has an address for each of `count` steps along
 * the inner dimension.
 *
 * @param width numbers of a line that go to one panel: 5 or 8
 * @param members length of a line; the last panel is padded with zeros
 * @param panelBytes from one panel to the next
 */
export function packAlong(
  sources: usize,
  members: usize,
  width: usize,
  count: usize,
  out: usize,
  panelBytes: usize,
): void {
  for (let first: usize = 0; first < members; first += width) {
    const rest = members - first;
    if (rest < width) copySome(sources, first * 4, rest, width, count, out);
    else if (width === ROWS) copyFives(sources, first * 4, count, out);
    else copyEights(sources, first * 4, count, out);
    out += panelBytes;
  }
}

function copyFives(sources: usize, offset: usize, count: usize, out: usize): void {
  for (let i: usize = 0; i < count; i++) {
    const source = load<usize>(sources + i * 4) + offset;
    v128.store(out, v128.load(source));
    store<f32>(out, load<f32>(source, 16), 16);
    out += ROWS * 4;
  }
}

function copyEights(sources: usize, offset: usize, count: usize, out: usize): void {
  for (let i: usize = 0; i < count; i++) {
    const source = load<usize>(sources + i * 4) + offset;
    v128.store(out, v128.load(source));
    v128.store(out, v128.load(source, 16), 16);
    out += COLUMNS * 4;
  }
}

function copySome(
  sources: usize,
  offset: usize,
  members: usize,
  width: usize,
  count: usize,
  out: usize,
): void {
  for (let i: usize = 0; i < count; i++) {
    const source = load<usize>(sources + i * 4) + offset;
    for (let j: usize = 0; j < members; j++) store<f32>(out + j * 4, load<f32>(source + j * 4));
    for (let j = members; j < width; j++) store<f32>(out + j * 4, 0);
    out += width * 4;
  }
}
