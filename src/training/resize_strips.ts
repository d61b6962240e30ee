import { ArgumentError } from '../ops/errors.js';
import { CompiledMemory, laidOut, put, structureOf } from './compiled_memory.js';
import { resizeBinary } from './resize_binary.js';

/** For each output position: which input positions count, and how much, in 22-bit fixed point. */
export interface Taps {
  first: Int32Array;
  count: Int32Array;
  weights: Int32Array;
  /** Weights of output position i start at `i * stride`. */
  stride: number;
}

/** One of the two directions of an image: its lengths before and after, and what makes up the latter. */
export interface Direction {
  size: number;
  outSize: number;
  taps: Taps;
}

/** Exported by assembly/resize.ts. */
interface Compiled {
  resizeStrip(resize: number, rows: number, row: number, end: number): void;
}

/** So much of an image is in the memory at a time. */
const stripBytes = 2 ** 20;
/** Of a WebAssembly memory. */
const mostBytes = 2 ** 32;
/** Behind each of several rows. */
const rowMargin = 32;
/** Bits of the lower part of a weight. */
const lowerBits = 11;
/** Bytes of a `Resize` in assembly/resize.ts. */
const structureBytes = 72;

const resizer = new CompiledMemory<Compiled>(resizeBinary);

/**
 * Resizes an RGB image, strip by strip.
 *
 * @param pixels `[down.size, across.size, 3]`
 * @param into Where to put the result. Default: new memory.
 * @returns `[down.outSize, across.outSize, 3]`
 * @throws ArgumentError for more than fits a memory.
 */
export function resizeStrips(
  pixels: Uint8Array,
  down: Direction,
  across: Direction,
  into?: Uint8Array,
): Uint8Array {
  const rowBytes = 3 * across.size;
  const outRowBytes = 3 * across.outSize;
  const stripRows = Math.min(2 * Math.ceil(stripBytes / rowBytes / 2), down.size);
  const open = mostAtOnce(down.taps);
  const columns = inPairs(across.taps);
  const rows = down.taps;
  const wideBytes = outRowBytes + rowMargin;
  const sumsBytes = 4 * outRowBytes + rowMargin;
  const { at, end } = laidOut({
    resize: structureBytes,
    columnFirst: columns.first.byteLength,
    columnPairs: columns.count.byteLength,
    columnWeights: columns.weights.byteLength,
    rowFirst: rows.first.byteLength,
    rowCount: rows.count.byteLength,
    rowWeights: rows.weights.byteLength,
    wide: 2 * wideBytes,
    sums: open * sumsBytes,
    out: down.outSize * outRowBytes,
    strip: (stripRows + 1) * rowBytes,
  });
  if (end > mostBytes) {
    throw new ArgumentError(
      `resizeBilinear: ${down.outSize} × ${across.outSize} pixels are too many`,
    );
  }
  const out = into ?? new Uint8Array(down.outSize * outRowBytes);
  const { bytes, compiled } = resizer.room(end);
  put(bytes, at.columnFirst, columns.first);
  put(bytes, at.columnPairs, columns.count);
  put(bytes, at.columnWeights, columns.weights);
  put(bytes, at.rowFirst, rows.first);
  put(bytes, at.rowCount, rows.count);
  put(bytes, at.rowWeights, rows.weights);
  bytes.fill(0, at.sums, at.out);
  const resize = structureOf({
    rowBytes,
    outWidth: across.outSize,
    outHeight: down.outSize,
    columnFirst: at.columnFirst,
    columnPairs: at.columnPairs,
    columnWeights: at.columnWeights,
    columnStride: columns.stride,
    rowFirst: at.rowFirst,
    rowCount: at.rowCount,
    rowWeights: at.rowWeights,
    rowStride: rows.stride,
    wide: at.wide,
    wideBytes,
    sums: at.sums,
    sumsBytes,
    open,
    out: at.out,
    done: 0,
  });
  put(bytes, at.resize, resize);
  for (let row = 0; row < down.size; row += stripRows) {
    const stripEnd = Math.min(row + stripRows, down.size);
    bytes.set(pixels.subarray(row * rowBytes, stripEnd * rowBytes), at.strip);
    compiled.resizeStrip(at.resize, at.strip, row, stripEnd);
  }
  out.set(bytes.subarray(at.out, at.out + out.length));
  return out;
}

/** To how many output positions two of the input count at most, taken two by two. */
function mostAtOnce({ first, count }: Taps): number {
  let most = 1;
  for (let i = 0, end = 0; i < first.length; i++) {
    const past = 2 * Math.ceil((first[i]! + count[i]!) / 2);
    while (end < first.length && first[end]! < past) end++;
    most = Math.max(most, end - i);
  }
  return most;
}

/** The taps of each position two by two: `weights` are the upper parts of two weights and the lower parts of both. */
function inPairs({ first, count, weights, stride }: Taps): Taps {
  const most = Math.ceil(stride / 2);
  const pairs = new Int32Array(2 * most * first.length);
  for (let i = 0; i < first.length; i++) {
    for (let k = 0; k < count[i]!; k++) {
      const weight = weights[i * stride + k]!;
      const at = 2 * (i * most + (k >> 1));
      const shift = 16 * (k & 1);
      pairs[at]! |= (weight >> lowerBits) << shift;
      pairs[at + 1]! |= (weight & ((1 << lowerBits) - 1)) << shift;
    }
  }
  return { first, count: count.map((each) => (each + 1) >> 1), weights: pairs, stride: most };
}
