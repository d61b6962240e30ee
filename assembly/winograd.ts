import { fillAddresses } from './product_pack';
import { COLUMNS, multiplyBlock, ROWS } from './product_tiles';
import { VECTOR } from './simd';
import { Windows } from './windows';
import {
  gatherTaps,
  GRID_BYTES,
  packChannels,
  packTiles,
  POSITIONS,
  restorePixels,
  restoreTaps,
  STAGE_BYTES,
  STEP,
  TABLE_BYTES,
  TAPS,
  TILE,
  transformFilterTaps,
  transformGradient,
  transformPixels,
} from './winograd_transforms';

/**
 * Convolutions of 3×3 taps and stride 1, and their gradients, by Winograd's algorithm: in tiles of
 * 4×4 positions, of which each takes 36 multiplications for a pair of channels instead of 144.
 * Channels are multiples of 8. For each of the 36 numbers of a transformed tile there is a product
 * of matrices, in the same tiles of registers as others. A block of tiles is transformed, multiplied
 * and restored before the next one: scratch memory does not grow with the images.
 */

/** Bytes that a transformed filter takes at most, unless eight of its columns take more. */
const FILTER_LIMIT: usize = 5 << 20;

/**
 * Bytes that the tiles of a block take, before and after the product: of a convolution, where they
 * should stay in a cache, and of a filter gradient, where the sums should.
 */
const TILES_LIMIT: usize = 1 << 20;
const GRADIENT_TILES_LIMIT: usize = 3 << 20;

/** Bytes that the processor fetches together. */
const CACHE_LINE: usize = 64;

/** Bytes between positions, so that they do not all fall into the same lines of a cache. */
const SKEW: usize = CACHE_LINE;

/** One convolution or filter gradient: its sizes, and its scratch memory. */
@unmanaged
class Winograd {
  windows: Windows;
  tilesHigh: usize;
  tilesWide: usize;
  tiles: usize;
  tileBlock: usize;
  columnBlock: usize;
  /** Bytes from one position to the next of a line of sums. */
  sumStep: usize;
  stage: usize;
  grid: usize;
  /** The transformed filter, or the sums of a filter gradient. */
  filter: usize;
  /** The transformed tiles of the image. */
  image: usize;
  /** The sums of the tiles, or the transformed tiles of an output gradient. */
  sums: usize;
  /** Zeros, for a pixel that lies outside of an image, and for no bias. */
  zeros: usize;
  /** A pixel that nobody reads, for one that lies outside of the result. */
  spare: usize;
  table: usize;
  targets: usize;
}

function roundedUp(size: usize, multiple: usize): usize {
  return ((size + multiple - 1) / multiple) * multiple;
}

/** `size` in as few parts as have at most `limit` members: the length of all but the last. */
function partOf(size: usize, limit: usize, multiple: usize): usize {
  const parts = max<usize>((size + limit - 1) / limit, 1);
  return roundedUp((size + parts - 1) / parts, multiple);
}

function columnBlockOf(windows: Windows): usize {
  const fitting = FILTER_LIMIT / (POSITIONS * <usize>windows.channels * 4);
  return partOf(windows.outChannels, max(fitting & ~(COLUMNS - 1), COLUMNS), COLUMNS);
}

function tilesHighOf(windows: Windows): usize {
  return (<usize>windows.gridHeight + STEP - 1) / STEP;
}

function tilesWideOf(windows: Windows): usize {
  return (<usize>windows.gridWidth + STEP - 1) / STEP;
}

function tileBlockOf(windows: Windows, limit: usize): usize {
  const tiles = <usize>windows.batch * tilesHighOf(windows) * tilesWideOf(windows);
  const bytes = POSITIONS * (<usize>windows.channels + columnBlockOf(windows)) * 4;
  return partOf(tiles, max((limit / bytes / ROWS) * ROWS, ROWS), ROWS);
}

/** Bytes of scratch, of which the first are left for alignment. */
function scratchOf(windows: Windows, limit: usize): usize {
  const channels = roundedUp(windows.channels, ROWS);
  const tileBlock = tileBlockOf(windows, limit);
  const columnBlock = columnBlockOf(windows);
  const sumStep = columnBlock * 4 + SKEW;
  const transformed = channels * sumStep + tileBlock * channels * 4 + SKEW + tileBlock * sumStep;
  const pixels = 2 * max(channels, columnBlock) * 4;
  const tables = ROWS * TABLE_BYTES + max(tileBlock, channels) * 4;
  const fixed = CACHE_LINE + offsetof<Winograd>() + STAGE_BYTES + GRID_BYTES;
  return fixed + POSITIONS * transformed + pixels + tables;
}

/** Lays out a convolution at the beginning of its scratch memory. */
function createWinograd(windows: Windows, limit: usize, scratch: usize): Winograd {
  const w = changetype<Winograd>(roundedUp(scratch, CACHE_LINE));
  const channels = roundedUp(windows.channels, ROWS);
  w.windows = windows;
  w.tilesHigh = tilesHighOf(windows);
  w.tilesWide = tilesWideOf(windows);
  w.tiles = <usize>windows.batch * w.tilesHigh * w.tilesWide;
  w.tileBlock = tileBlockOf(windows, limit);
  w.columnBlock = columnBlockOf(windows);
  w.sumStep = w.columnBlock * 4 + SKEW;
  const pixelBytes = max(channels, w.columnBlock) * 4;
  w.stage = changetype<usize>(w) + offsetof<Winograd>();
  w.grid = w.stage + STAGE_BYTES;
  w.filter = w.grid + GRID_BYTES;
  w.image = w.filter + POSITIONS * channels * w.sumStep;
  w.sums = w.image + POSITIONS * (w.tileBlock * channels * 4 + SKEW);
  w.zeros = w.sums + POSITIONS * w.tileBlock * w.sumStep;
  w.spare = w.zeros + pixelBytes;
  w.table = w.spare + pixelBytes;
  w.targets = w.table + ROWS * TABLE_BYTES;
  memory.fill(w.zeros, 0, pixelBytes);
  return w;
}

/** Bytes of scratch that {@link winograd} needs. */
export function winogradScratch(windows: Windows): usize {
  return scratchOf(windows, TILES_LIMIT);
}

/** What `convolve` computes, which says what its parameters are. */
export function winograd(
  windows: Windows,
  image: usize,
  filter: usize,
  out: usize,
  transpose: bool,
  bias: usize,
  scratch: usize,
): void {
  const w = createWinograd(windows, TILES_LIMIT, scratch);
  const outChannels: usize = windows.outChannels;
  for (let column: usize = 0; column < outChannels; column += w.columnBlock) {
    const columns = min(w.columnBlock, outChannels - column);
    const biasAt = bias ? bias + column * 4 : w.zeros;
    transformFilter(w, filter, transpose, column, columns);
    for (let tile: usize = 0; tile < w.tiles; tile += w.tileBlock) {
      const count = min(w.tileBlock, w.tiles - tile);
      transformTiles(w, image, tile, count);
      multiplyTiles(w, columns, count);
      restoreTiles(w, out + column * 4, biasAt, columns, tile, count);
    }
  }
}

/** Bytes of scratch that {@link winogradFilterGradient} needs. */
export function winogradFilterGradientScratch(windows: Windows): usize {
  return scratchOf(windows, GRADIENT_TILES_LIMIT);
}

/** What `filterGradient` computes. */
export function winogradFilterGradient(
  windows: Windows,
  image: usize,
  dy: usize,
  out: usize,
  scratch: usize,
): void {
  const w = createWinograd(windows, GRADIENT_TILES_LIMIT, scratch);
  const outChannels: usize = windows.outChannels;
  for (let column: usize = 0; column < outChannels; column += w.columnBlock) {
    const columns = min(w.columnBlock, outChannels - column);
    for (let tile: usize = 0; tile < w.tiles; tile += w.tileBlock) {
      const count = min(w.tileBlock, w.tiles - tile);
      transformTransposedTiles(w, image, tile, count);
      transformGradients(w, dy + column * 4, columns, tile, count);
      addProducts(w, columns, count, tile === 0);
    }
    restoreFilter(w, out + column * 4, columns);
  }
}

/** The addresses of a tile's `size` × `size` pixels, of `outside` where the image has none. */
function fillTile(
  w: Winograd,
  tile: usize,
  image: usize,
  height: u32,
  width: u32,
  pixelBytes: usize,
  padTop: i32,
  padLeft: i32,
  size: u32,
  outside: usize,
  table: usize,
): void {
  const line = tile / w.tilesWide;
  const top = <i32>((line % w.tilesHigh) * STEP) - padTop;
  const left = <i32>((tile % w.tilesWide) * STEP) - padLeft;
  const sample = <u32>(line / w.tilesHigh);
  for (let i: u32 = 0; i < size; i++) {
    const row = top + i;
    const hasRow = <u32>row < height;
    const start = (sample * height + row) * width;
    for (let j: u32 = 0; j < size; j++) {
      const column = left + j;
      const isInside = u32(hasRow) & u32(<u32>column < width);
      store<usize>(table, isInside ? image + <usize>(start + column) * pixelBytes : outside);
      table += 4;
    }
  }
}

function fillImageTile(w: Winograd, image: usize, tile: usize, table: usize): void {
  const s = w.windows;
  const bytes: usize = s.channels * 4;
  fillTile(w, tile, image, s.height, s.width, bytes, s.padTop, s.padLeft, TILE, w.zeros, table);
}

/** The addresses of a tile of the result, or of an output gradient. */
function fillOutTile(w: Winograd, out: usize, tile: usize, outside: usize): void {
  const s = w.windows;
  const bytes: usize = s.outChannels * 4;
  fillTile(w, tile, out, s.gridHeight, s.gridWidth, bytes, 0, 0, STEP, outside, w.table);
}

/** Bytes from one position to the next of the transformed filter. */
function filterStep(w: Winograd, columns: usize): usize {
  return <usize>w.windows.channels * columns * 4 + SKEW;
}

/** The filter as `[positions][panels of eight columns][channels][8]`. */
function transformFilter(
  w: Winograd,
  filter: usize,
  transpose: bool,
  column: usize,
  columns: usize,
): void {
  const s = w.windows;
  const channels: usize = s.channels;
  const channelBytes: usize = transpose ? 4 : s.outChannels * 4;
  const columnBytes: usize = transpose ? channels * 4 : 4;
  const lineBytes = max(channelBytes, columnBytes);
  const tap = channels * <usize>s.outChannels * 4;
  const rowBytes = <usize>(s.filterStepHeight * s.filterWidth) * tap;
  const tapBytes = <usize>s.filterStepWidth * tap;
  const firstTap = <usize>(s.filterTop * s.filterWidth + s.filterLeft) * tap;
  const first = filter + firstTap + column * columnBytes;
  const step = filterStep(w, columns);
  for (let c: usize = 0; c < columns; c += COLUMNS) {
    for (let channel: usize = 0; channel < channels; channel += 4) {
      const from = first + c * columnBytes + channel * channelBytes;
      const out = w.filter + (c * channels + channel * COLUMNS) * 4;
      transformFour(w, from, lineBytes, rowBytes, tapBytes, transpose, out, step);
      const half = from + 4 * columnBytes;
      transformFour(w, half, lineBytes, rowBytes, tapBytes, transpose, out + VECTOR, step);
    }
  }
}

/** Four columns of four channels; see {@link gatherTaps}. */
function transformFour(
  w: Winograd,
  from: usize,
  lineBytes: usize,
  rowBytes: usize,
  tapBytes: usize,
  transpose: bool,
  out: usize,
  step: usize,
): void {
  gatherTaps(from, lineBytes, rowBytes, tapBytes, transpose, w.stage);
  for (let k: usize = 0; k < 4; k++) {
    const taps = w.stage + k * TAPS * TAPS * VECTOR;
    transformFilterTaps(taps, w.grid, out + k * COLUMNS * 4, step);
  }
}

/** Bytes from one position to the next of the transformed tiles of an image. */
function tilesStep(w: Winograd, count: usize): usize {
  return roundedUp(count, ROWS) * <usize>w.windows.channels * 4 + SKEW;
}

/** Tiles of the image as `[positions][panels of five tiles][channels][5]`. */
function transformTiles(w: Winograd, image: usize, first: usize, count: usize): void {
  const channels: usize = w.windows.channels;
  const step = tilesStep(w, count);
  let out = w.image;
  for (let tile: usize = 0; tile < count; tile += ROWS) {
    for (let r: usize = 0; r < ROWS; r++) {
      // The last panel is filled up with a tile that nobody reads.
      const index = first + min(tile + r, count - 1);
      fillImageTile(w, image, index, w.table + r * TABLE_BYTES);
    }
    for (let channel: usize = 0; channel < channels; channel += 4) {
      for (let r: usize = 0; r < ROWS; r++) {
        const table = w.table + r * TABLE_BYTES;
        transformPixels(table, channel * 4, w.grid, w.stage + r * VECTOR, ROWS * VECTOR);
      }
      packTiles(w.stage, out, step);
      out += 4 * ROWS * 4;
    }
  }
}

/** The sums of each tile, as `[tiles][positions][columns]`. */
function multiplyTiles(w: Winograd, columns: usize, count: usize): void {
  const channels: usize = w.windows.channels;
  const rows = roundedUp(count, ROWS);
  const imageStep = tilesStep(w, count);
  const step = filterStep(w, columns);
  fillAddresses(w.targets, w.sums, POSITIONS * w.sumStep, rows, 0, 0);
  for (let position: usize = 0; position < POSITIONS; position++) {
    multiplyBlock(
      w.image + position * imageStep,
      rows / ROWS,
      w.filter + position * step,
      COLUMNS * 4,
      channels * COLUMNS * 4,
      0,
      columns,
      channels,
      w.zeros,
      w.targets,
      position * w.sumStep,
      0,
    );
  }
}

function restoreTiles(
  w: Winograd,
  out: usize,
  bias: usize,
  columns: usize,
  first: usize,
  count: usize,
): void {
  for (let tile: usize = 0; tile < count; tile++) {
    const sums = w.sums + tile * POSITIONS * w.sumStep;
    fillOutTile(w, out, first + tile, w.spare);
    for (let c: usize = 0; c < columns * 4; c += VECTOR) {
      restorePixels(sums + c, w.sumStep, bias + c, w.grid, w.table, c);
    }
  }
}

/** Bytes from one position to the next of the transposed tiles of an image. */
function transposedStep(w: Winograd, count: usize): usize {
  return roundedUp(w.windows.channels, ROWS) * count * 4 + SKEW;
}

/** Tiles of the image as `[positions][panels of five channels][tiles][5]`. */
function transformTransposedTiles(w: Winograd, image: usize, first: usize, count: usize): void {
  const channels: usize = w.windows.channels;
  const step = transposedStep(w, count);
  const panelBytes = count * ROWS * 4;
  for (let tile: usize = 0; tile < count; tile++) {
    let out = w.image + tile * ROWS * 4;
    fillImageTile(w, image, first + tile, w.table);
    for (let channel: usize = 0; channel < channels; channel += 4 * ROWS) {
      const members = min<usize>(4 * ROWS, channels - channel);
      for (let c: usize = 0; c < members * 4; c += VECTOR) {
        transformPixels(w.table, channel * 4 + c, w.grid, w.stage + c, ROWS * VECTOR);
      }
      packChannels(w.stage, (members + ROWS - 1) / ROWS, out, panelBytes, step);
      out += 4 * panelBytes;
    }
  }
}

/** Bytes from one position to the next of the transformed tiles of an output gradient. */
function gradientsStep(columns: usize, count: usize): usize {
  return columns * count * 4 + SKEW;
}

/** Tiles of the output gradient as `[positions][panels of eight columns][tiles][8]`. */
function transformGradients(
  w: Winograd,
  dy: usize,
  columns: usize,
  first: usize,
  count: usize,
): void {
  const step = gradientsStep(columns, count);
  for (let tile: usize = 0; tile < count; tile++) {
    fillOutTile(w, dy, first + tile, w.zeros);
    let out = w.sums + tile * COLUMNS * 4;
    for (let c: usize = 0; c < columns; c += COLUMNS) {
      transformGradient(w.table, c * 4, w.grid, out, step);
      transformGradient(w.table, c * 4 + VECTOR, w.grid, out + VECTOR, step);
      out += count * COLUMNS * 4;
    }
  }
}

/** Adds the products of a block of tiles to the sums, `[channels][positions][columns]`. */
function addProducts(w: Winograd, columns: usize, count: usize, isFirst: bool): void {
  const rows = roundedUp(w.windows.channels, ROWS);
  const imageStep = transposedStep(w, count);
  const step = gradientsStep(columns, count);
  fillAddresses(w.targets, w.filter, POSITIONS * w.sumStep, rows, 0, 0);
  for (let position: usize = 0; position < POSITIONS; position++) {
    multiplyBlock(
      w.image + position * imageStep,
      rows / ROWS,
      w.sums + position * step,
      COLUMNS * 4,
      count * COLUMNS * 4,
      0,
      columns,
      count,
      isFirst ? w.zeros : 0,
      w.targets,
      position * w.sumStep,
      0,
    );
  }
}

function restoreFilter(w: Winograd, out: usize, columns: usize): void {
  const channels: usize = w.windows.channels;
  const line: usize = w.windows.outChannels * 4;
  for (let channel: usize = 0; channel < channels; channel++) {
    const sums = w.filter + channel * POSITIONS * w.sumStep;
    for (let c: usize = 0; c < columns * 4; c += VECTOR) {
      restoreTaps(sums + c, w.sumStep, w.grid, out + channel * line + c, channels * line);
    }
  }
}
