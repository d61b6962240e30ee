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

/** So far can a vector reach beyond what is meant. */
const margin = 32;
const pageBytes = 65536;
/** So much of an image is in the memory at a time. */
const stripBytes = 2 ** 20;
/** A memory that grew beyond is left to the garbage collection. */
const keptBytes = 2 ** 24;
/** Bits of the lower part of a weight. */
const lowerBits = 11;
/** Bytes of a `Resize` in assembly/resize.ts. */
const structureBytes = 64;

/** One memory for all images: they are resized one after the other. */
let started: { memory: WebAssembly.Memory; compiled: Compiled } | undefined;

function start() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const binary = Uint8Array.from(atob(resizeBinary), (character) => character.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  return { memory, compiled: exports as unknown as Compiled };
}

/**
 * Resizes an RGB image, strip by strip.
 *
 * @param pixels `[down.size, across.size, 3]`
 * @param out `[down.outSize, across.outSize, 3]`
 */
export function resizeStrips(
  pixels: Uint8Array,
  down: Direction,
  across: Direction,
  out: Uint8Array,
): void {
  const rowBytes = 3 * across.size;
  const outRowBytes = 3 * across.outSize;
  const stripRows = Math.min(2 * Math.ceil(stripBytes / rowBytes / 2), down.size);
  const open = mostAtOnce(down.taps);
  const columns = inPairs(across.taps);
  const rows = down.taps;
  const { at, end } = laidOut({
    resize: structureBytes,
    columnFirst: columns.first.byteLength,
    columnPairs: columns.count.byteLength,
    columnWeights: columns.weights.byteLength,
    rowFirst: rows.first.byteLength,
    rowCount: rows.count.byteLength,
    rowWeights: rows.weights.byteLength,
    wide: 2 * (outRowBytes + margin),
    sums: open * (4 * outRowBytes + margin),
    out: out.length,
    strip: (stripRows + 1) * rowBytes,
  });
  const { bytes, compiled } = memoryOf(end);
  const put = (array: Int32Array, address: number) =>
    bytes.set(new Uint8Array(array.buffer), address);
  put(columns.first, at.columnFirst);
  put(columns.count, at.columnPairs);
  put(columns.weights, at.columnWeights);
  put(rows.first, at.rowFirst);
  put(rows.count, at.rowCount);
  put(rows.weights, at.rowWeights);
  bytes.fill(0, at.sums, at.out);
  const structure = [
    ...[rowBytes, across.outSize, down.outSize],
    ...[at.columnFirst, at.columnPairs, at.columnWeights, columns.stride],
    ...[at.rowFirst, at.rowCount, at.rowWeights, rows.stride],
    ...[at.wide, at.sums, open, at.out, 0],
  ];
  put(Int32Array.from(structure), at.resize);
  for (let row = 0; row < down.size; row += stripRows) {
    const stripEnd = Math.min(row + stripRows, down.size);
    bytes.set(pixels.subarray(row * rowBytes, stripEnd * rowBytes), at.strip);
    compiled.resizeStrip(at.resize, at.strip, row, stripEnd);
  }
  out.set(bytes.subarray(at.out, at.out + out.length));
  if (bytes.length > keptBytes) started = undefined;
}

/** Addresses of pieces of a memory, one after the other. */
function laidOut<Name extends string>(sizes: Record<Name, number>) {
  const at = {} as Record<Name, number>;
  let end = 0;
  for (const name in sizes) {
    at[name] = end;
    end += Math.ceil((sizes[name] + margin) / margin) * margin;
  }
  return { at, end };
}

/** The memory, of at least so many bytes. */
function memoryOf(size: number) {
  started ??= start();
  const { memory, compiled } = started;
  const missing = Math.ceil((size - memory.buffer.byteLength) / pageBytes);
  if (missing > 0) memory.grow(missing);
  return { bytes: new Uint8Array(memory.buffer), compiled };
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
