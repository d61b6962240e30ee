import { fillAddresses, packAcross, packAlong } from './product_pack';
import { COLUMNS, EDGE_BYTES, multiplyBlock, ROWS } from './product_tiles';
import {
  fillFilterRows,
  fillOrigins,
  fillPositions,
  ORIGIN_BYTES,
  packFilter,
  packTransposedWindows,
  packWindows,
  Windows,
} from './windows';

/**
 * Matrix products in blocks that fit the caches: `out [rows, columns] = a · b + bias`, where a and
 * b may be transposed matrices or the windows and the filter of a convolution. Packing differs;
 * what multiplies is the same.
 */

/** Rows in a block of a, a multiple of those of a tile. */
const ROW_BLOCK: usize = 120;

/** Longest inner dimension of a block: a panel of b stays in the innermost cache. */
const INNER_BLOCK: usize = 256;

/** Columns and longest inner dimension of what is packed of b at a time: at most 8 MiB. */
const COLUMN_BLOCK: usize = 512;
const INNER_PART: usize = 4096;

/** With so few rows, packing b costs more than it saves: tiles read it where it is. */
const FEW_ROWS: usize = 2 * ROWS;

/** a and b are matrices. */
export const MATRICES: u32 = 0;

/** a are windows of an image; b is a filter, or, transposed, that of an input gradient. */
export const CONVOLUTION: u32 = 1;

/** a are the transposed windows of an image, b is a matrix. */
export const FILTER_GRADIENT: u32 = 2;

/** One product: what it multiplies, and its scratch memory. */
@unmanaged
export class Product {
  kind: u32;
  rows: usize;
  inner: usize;
  columns: usize;
  a: usize;
  b: usize;
  out: usize;
  transposeA: bool;
  transposeB: bool;
  windows: Windows;
  innerBlock: usize;
  innerPart: usize;
  /** The bias of all columns, with padding; zeros if there is none. */
  bias: usize;
  /** Zeros, for a line that lies outside of a matrix or an image. */
  zeros: usize;
  /** A row of the result that nobody reads, for the padding of the last panel of rows. */
  spare: usize;
  edge: usize;
  targets: usize;
  table: usize;
  origins: usize;
  packedA: usize;
  packedB: usize;
}

/** `size` in as few equal parts as have at most `limit` members: the length of one. */
function equalParts(size: usize, limit: usize): usize {
  const parts = max<usize>((size + limit - 1) / limit, 1);
  return (size + parts - 1) / parts;
}

function roundedUp(size: usize, multiple: usize): usize {
  return ((size + multiple - 1) / multiple) * multiple;
}

/** Bytes of scratch for a product of these sizes, and with windows of so many channels. */
export function productScratch(rows: usize, inner: usize, columns: usize, channels: usize): usize {
  const lines = max(ROW_BLOCK, INNER_BLOCK);
  const tables = lines * ORIGIN_BYTES + (ROW_BLOCK + max(lines, COLUMN_BLOCK)) * 4;
  const wide = roundedUp(columns, COLUMNS);
  const rowBlock = min(ROW_BLOCK, roundedUp(rows, ROWS));
  const packedA = rowBlock * min(INNER_BLOCK, inner);
  const packedB = min(wide, COLUMN_BLOCK) * min(inner, INNER_PART);
  const zeros = max(INNER_BLOCK, channels) + ROWS;
  return offsetof<Product>() + EDGE_BYTES + tables + (2 * wide + zeros + packedA + packedB) * 4;
}

/**
 * Lays out a product at the beginning of its scratch memory. `bias` is the address of one, or 0.
 */
export function createProduct(
  scratch: usize,
  kind: u32,
  rows: usize,
  inner: usize,
  columns: usize,
  channels: usize,
  bias: usize,
): Product {
  const p = changetype<Product>(scratch);
  const wide = roundedUp(columns, COLUMNS) * 4;
  const zeros = (max(INNER_BLOCK, channels) + ROWS) * 4;
  const lines = max(ROW_BLOCK, INNER_BLOCK);
  p.kind = kind;
  p.rows = rows;
  p.inner = inner;
  p.columns = columns;
  p.innerPart = equalParts(inner, INNER_PART);
  p.innerBlock = equalParts(p.innerPart, INNER_BLOCK);
  p.bias = scratch + offsetof<Product>();
  p.zeros = p.bias + wide;
  p.spare = p.zeros + zeros;
  p.edge = p.spare + wide;
  p.targets = p.edge + EDGE_BYTES;
  p.table = p.targets + ROW_BLOCK * 4;
  p.origins = p.table + max(lines, COLUMN_BLOCK) * 4;
  p.packedA = p.origins + lines * ORIGIN_BYTES;
  p.packedB = p.packedA + min(ROW_BLOCK, roundedUp(rows, ROWS)) * min(INNER_BLOCK, inner) * 4;
  memory.fill(p.bias, 0, wide + zeros);
  if (bias) memory.copy(p.bias, bias, columns * 4);
  return p;
}

/** Computes a product. With an inner dimension of 0 it is the bias. */
export function multiply(p: Product): void {
  for (let column: usize = 0; column < p.columns; column += COLUMN_BLOCK) {
    const columns = min(COLUMN_BLOCK, p.columns - column);
    let first: usize = 0;
    do {
      const length = min(p.innerPart, p.inner - first);
      packRight(p, column, columns, first, length);
      for (let row: usize = 0; row < p.rows; row += ROW_BLOCK) {
        multiplyRows(p, row, min(ROW_BLOCK, p.rows - row), column, columns, first, length);
      }
      first += length;
    } while (first < p.inner);
  }
}

/** Whether b is read in place, but for its last columns where they do not fill a panel. */
function isInPlace(p: Product): bool {
  return !p.transposeB && p.rows <= FEW_ROWS;
}

function multiplyRows(
  p: Product,
  row: usize,
  rows: usize,
  column: usize,
  columns: usize,
  first: usize,
  length: usize,
): void {
  const panels = (rows + ROWS - 1) / ROWS;
  const inPlace = isInPlace(p);
  const packedPanels: usize = inPlace ? 0 : columns / COLUMNS;
  const hasRest = columns % COLUMNS !== 0;
  const bStep = (inPlace ? p.columns : COLUMNS) * 4;
  let packed = p.packedB;
  let done: usize = 0;
  fillTargets(p, row, rows, panels * ROWS);
  do {
    const start = first + done;
    const inner = min(p.innerBlock, length - done);
    const panelBytes = inner * COLUMNS * 4;
    const last = packed + packedPanels * panelBytes;
    packLeft(p, row, rows, start, inner);
    multiplyBlock(
      p.packedA,
      panels,
      inPlace ? p.b + (start * p.columns + column) * 4 : packed,
      bStep,
      inPlace ? COLUMNS * 4 : panelBytes,
      last,
      columns,
      inner,
      start === 0 ? p.bias + column * 4 : 0,
      p.targets,
      column * 4,
      p.edge,
    );
    packed = hasRest ? last + panelBytes : last;
    done += inner;
  } while (done < length);
}

function packRight(p: Product, column: usize, columns: usize, first: usize, length: usize): void {
  const whole = columns & ~(COLUMNS - 1);
  const skipped = isInPlace(p) ? whole : 0;
  const panels = (columns - skipped + COLUMNS - 1) / COLUMNS;
  let out = p.packedB;
  for (let done: usize = 0; done < length; ) {
    const inner = min(p.innerBlock, length - done);
    packRightBlock(p, column + skipped, columns - skipped, first + done, inner, panels, out);
    out += panels * inner * COLUMNS * 4;
    done += inner;
  }
}

function packRightBlock(
  p: Product,
  column: usize,
  columns: usize,
  first: usize,
  inner: usize,
  panels: usize,
  out: usize,
): void {
  const panelBytes = inner * COLUMNS * 4;
  if (!p.transposeB) {
    const from = p.b + (first * p.columns + column) * 4;
    fillAddresses(p.table, from, p.columns * 4, inner, 0, 0);
    packAlong(p.table, columns, COLUMNS, inner, out, panelBytes);
  } else if (p.kind === CONVOLUTION) {
    packFilter(p.windows, p.b, column, columns, first, inner, p.zeros, p.table, out);
  } else {
    const from = p.b + (column * p.inner + first) * 4;
    fillAddresses(p.table, from, p.inner * 4, columns, p.zeros, panels * COLUMNS);
    packAcross(p.table, panels, COLUMNS, inner, out, panelBytes);
  }
}

function packLeft(p: Product, row: usize, rows: usize, first: usize, inner: usize): void {
  const panels = (rows + ROWS - 1) / ROWS;
  const panelBytes = inner * ROWS * 4;
  if (p.kind === CONVOLUTION) {
    // The origins are those of the rows, the same for all of the inner dimension.
    packWindows(p.windows, p.origins, rows, first, inner, p.zeros, p.table, p.packedA);
  } else if (p.kind === FILTER_GRADIENT) {
    fillOrigins(p.windows, p.a, first, inner, p.origins);
    packTransposedWindows(p.windows, p.origins, inner, row, rows, p.zeros, p.table, p.packedA);
  } else if (p.transposeA) {
    fillAddresses(p.table, p.a + (first * p.rows + row) * 4, p.rows * 4, inner, 0, 0);
    packAlong(p.table, rows, ROWS, inner, p.packedA, panelBytes);
  } else {
    const from = p.a + (row * p.inner + first) * 4;
    fillAddresses(p.table, from, p.inner * 4, rows, p.zeros, panels * ROWS);
    packAcross(p.table, panels, ROWS, inner, p.packedA, panelBytes);
  }
}

/** The addresses in the result of a block of rows, and for a convolution their windows. */
function fillTargets(p: Product, row: usize, rows: usize, padded: usize): void {
  if (p.kind === FILTER_GRADIENT) {
    fillFilterRows(p.windows, p.out, row, rows, p.spare, p.targets);
    return;
  }
  fillAddresses(p.targets, p.out + row * p.columns * 4, p.columns * 4, rows, p.spare, padded);
  if (p.kind === CONVOLUTION) {
    fillPositions(p.windows, p.out, row, rows, p.targets);
    fillOrigins(p.windows, p.a, row, rows, p.origins);
  }
}
