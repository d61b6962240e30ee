import { COLUMNS, ROWS } from './product_tiles';
import { fillAddresses, packAcross, packAlong } from './product_pack';

/**
 * The windows of a convolution as a matrix that is never written out: one line for each position of
 * a grid, one number for each tap and channel. Images are `[batch, height, width, channels]`;
 * outside them are zeros. The caller writes this structure as 26 consecutive int32.
 */
@unmanaged
export class Windows {
  height: i32;
  width: i32;
  channels: i32;
  /** The grid, and the steps and start of its windows in the image. */
  batch: i32;
  gridHeight: i32;
  gridWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  padTop: i32;
  padLeft: i32;
  tapRows: i32;
  tapColumns: i32;
  /** Pixels from one tap to the next. */
  dilationHeight: i32;
  dilationWidth: i32;
  /**
   * Where the grid's positions are in the result: the whole image, the first position, the steps.
   */
  outHeight: i32;
  outWidth: i32;
  outTop: i32;
  outLeft: i32;
  outStepHeight: i32;
  outStepWidth: i32;
  /** Which taps of the filter meet the window: its width, the first tap, the steps. */
  filterWidth: i32;
  filterTop: i32;
  filterLeft: i32;
  filterStepHeight: i32;
  filterStepWidth: i32;
  outChannels: i32;
}

/**
 * Bytes of the origin of a window: the address of its first tap, its row and column in the image.
 */
export const ORIGIN_BYTES: usize = 12;

/** Positions of the grid in all images. */
export function positionsOf(windows: Windows): usize {
  return windows.batch * windows.gridHeight * windows.gridWidth;
}

/** Length of a line: taps times channels. */
export function lineOf(windows: Windows): usize {
  return windows.tapRows * windows.tapColumns * windows.channels;
}

/** Channels with padding, so that a panel of a filter gradient lies in one tap. */
export function paddedChannels(windows: Windows): usize {
  return ((<usize>windows.channels + ROWS - 1) / ROWS) * ROWS;
}

/** The origins of `count` windows from position `first` on. */
export function fillOrigins(
  windows: Windows,
  image: usize,
  first: usize,
  count: usize,
  origins: usize,
): void {
  const gridWidth = windows.gridWidth;
  const gridHeight = windows.gridHeight;
  let gridColumn = <i32>first % gridWidth;
  let gridRow = (<i32>first / gridWidth) % gridHeight;
  let sample = <i32>first / gridWidth / gridHeight;
  for (let i: usize = 0; i < count; i++) {
    const row = gridRow * windows.strideHeight - windows.padTop;
    const column = gridColumn * windows.strideWidth - windows.padLeft;
    const pixel = (sample * windows.height + row) * windows.width + column;
    store<i32>(origins, <i32>image + pixel * windows.channels * 4);
    store<i32>(origins, row, 4);
    store<i32>(origins, column, 8);
    origins += ORIGIN_BYTES;
    if (++gridColumn < gridWidth) continue;
    gridColumn = 0;
    if (++gridRow < gridHeight) continue;
    gridRow = 0;
    sample++;
  }
}

/**
 * The addresses of one tap's channels, from `channel` on, in each window; of zeros outside the
 * image.
 */
function fillTap(
  windows: Windows,
  origins: usize,
  count: usize,
  tap: i32,
  channel: usize,
  zeros: usize,
  table: usize,
): void {
  const height = <u32>windows.height;
  const width = <u32>windows.width;
  const tapRow = (tap / windows.tapColumns) * windows.dilationHeight;
  const tapColumn = (tap % windows.tapColumns) * windows.dilationWidth;
  const pixel = tapRow * windows.width + tapColumn;
  const offset = <usize>(pixel * windows.channels * 4) + channel * 4;
  for (let i: usize = 0; i < count; i++) {
    const isInside =
      u32(<u32>(load<i32>(origins, 4) + tapRow) < height) &
      u32(<u32>(load<i32>(origins, 8) + tapColumn) < width);
    store<usize>(table, isInside ? load<usize>(origins) + offset : zeros);
    origins += ORIGIN_BYTES;
    table += 4;
  }
}

/**
 * Packs numbers `first` to `first + length` of the lines of `count` windows, in panels of five
 * lines.
 *
 * @param table scratch for the addresses of `count` lines, with padding
 */
export function packWindows(
  windows: Windows,
  origins: usize,
  count: usize,
  first: usize,
  length: usize,
  zeros: usize,
  table: usize,
  out: usize,
): void {
  const channels: usize = windows.channels;
  const panels = (count + ROWS - 1) / ROWS;
  fillAddresses(table, 0, 0, 0, zeros, panels * ROWS);
  for (let done: usize = 0; done < length; ) {
    const tap = (first + done) / channels;
    const channel = first + done - tap * channels;
    const part = min(length - done, channels - channel);
    fillTap(windows, origins, count, <i32>tap, channel, zeros, table);
    packAcross(table, panels, ROWS, part, out + done * ROWS * 4, length * ROWS * 4);
    done += part;
  }
}

/**
 * Packs the transposed lines of `count` windows: panels of five channels of one tap, for channels
 * counted with padding from `first` to `first + length`.
 *
 * @param table scratch for `count` addresses
 */
export function packTransposedWindows(
  windows: Windows,
  origins: usize,
  count: usize,
  first: usize,
  length: usize,
  zeros: usize,
  table: usize,
  out: usize,
): void {
  const channels: usize = windows.channels;
  const padded = paddedChannels(windows);
  const panelBytes = count * ROWS * 4;
  for (let done: usize = 0; done < length; ) {
    const tap = (first + done) / padded;
    const channel = first + done - tap * padded;
    const part = min(length - done, padded - channel);
    fillTap(windows, origins, count, <i32>tap, channel, zeros, table);
    packAlong(table, min(part, channels - channel), ROWS, count, out, panelBytes);
    out += (part / ROWS) * panelBytes;
    done += part;
  }
}

/**
 * Packs the filter of an input gradient, `[taps, columns, channels]` with its taps in the order of
 * the windows: numbers `first` to `first + length` of the lines of `count` columns from `column`
 * on, in panels of eight columns.
 */
export function packFilter(
  windows: Windows,
  filter: usize,
  column: usize,
  count: usize,
  first: usize,
  length: usize,
  zeros: usize,
  table: usize,
  out: usize,
): void {
  const channels: usize = windows.channels;
  const panels = (count + COLUMNS - 1) / COLUMNS;
  for (let done: usize = 0; done < length; ) {
    const tap = (first + done) / channels;
    const channel = first + done - tap * channels;
    const part = min(length - done, channels - channel);
    const tapRow = windows.filterTop + (<i32>tap / windows.tapColumns) * windows.filterStepHeight;
    const tapColumn =
      windows.filterLeft + (<i32>tap % windows.tapColumns) * windows.filterStepWidth;
    const line = <usize>((tapRow * windows.filterWidth + tapColumn) * windows.outChannels) + column;
    const from = filter + (line * channels + channel) * 4;
    fillAddresses(table, from, channels * 4, count, zeros, panels * COLUMNS);
    packAcross(table, panels, COLUMNS, part, out + done * COLUMNS * 4, length * COLUMNS * 4);
    done += part;
  }
}

/** The addresses in the result of `count` positions from `first` on. */
export function fillPositions(
  windows: Windows,
  out: usize,
  first: usize,
  count: usize,
  table: usize,
): void {
  const gridWidth = windows.gridWidth;
  const gridHeight = windows.gridHeight;
  let gridColumn = <i32>first % gridWidth;
  let gridRow = (<i32>first / gridWidth) % gridHeight;
  let sample = <i32>first / gridWidth / gridHeight;
  for (let i: usize = 0; i < count; i++) {
    const row = sample * windows.outHeight + windows.outTop + gridRow * windows.outStepHeight;
    const column = windows.outLeft + gridColumn * windows.outStepWidth;
    const pixel = row * windows.outWidth + column;
    store<usize>(table + i * 4, out + <usize>(pixel * windows.outChannels * 4));
    if (++gridColumn < gridWidth) continue;
    gridColumn = 0;
    if (++gridRow < gridHeight) continue;
    gridRow = 0;
    sample++;
  }
}

/**
 * The addresses in a filter gradient of `count` channels, counted with padding; of `spare` for
 * padding.
 */
export function fillFilterRows(
  windows: Windows,
  out: usize,
  first: usize,
  count: usize,
  spare: usize,
  table: usize,
): void {
  const channels: usize = windows.channels;
  const padded = paddedChannels(windows);
  const bytes: usize = windows.outChannels * 4;
  for (let i: usize = 0; i < count; i++) {
    const tap = (first + i) / padded;
    const channel = first + i - tap * padded;
    const row = out + (tap * channels + channel) * bytes;
    store<usize>(table + i * 4, channel < channels ? row : spare);
  }
}
