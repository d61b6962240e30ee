import { resizeBinary } from './resize_binary.js';

/** For each output position: which input positions count, and how much, in 22-bit fixed point. */
export interface Taps {
  first: Int32Array;
  count: Int32Array;
  weights: Int32Array;
  /** Weights of output position i start at `i * stride`. */
  stride: number;
}

/** Exported by assembly/resize.ts. */
interface Compiled {
  resizeRow(
    row: number,
    out: number,
    outWidth: number,
    first: number,
    count: number,
    weights: number,
    stride: number,
  ): void;
  addRow(row: number, sums: number, length: number, weight: number): void;
  takeSums(sums: number, out: number, length: number): void;
}

/** So far can a vector reach beyond what is meant. */
const margin = 16;
const pageBytes = 65536;

/** One memory for all images: they are resized one after the other. */
let started: { memory: WebAssembly.Memory; compiled: Compiled } | undefined;

function start() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const binary = Uint8Array.from(atob(resizeBinary), (character) => character.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  return { memory, compiled: exports as unknown as Compiled };
}

/**
 * Gives the rows of an image another width, and adds them up to rows of a resized image, of which several may be open at
 * once. The last one made is the one that works.
 */
export class RowResizer {
  private readonly compiled: Compiled;
  private readonly bytes: Uint8Array;
  /** Addresses. */
  private readonly row: number;
  private readonly tables: readonly [first: number, count: number, weights: number];
  private readonly wide: number;
  private readonly sums: number;
  private readonly out: number;

  /** @param open How many rows may be open. */
  constructor(
    width: number,
    private readonly outWidth: number,
    private readonly taps: Taps,
    private readonly open: number,
  ) {
    let end = 0;
    const place = (bytes: number) => {
      const address = end;
      end += Math.ceil((bytes + margin) / margin) * margin;
      return address;
    };
    const { first, count, weights } = taps;
    this.row = place(3 * width);
    this.tables = [place(first.byteLength), place(count.byteLength), place(weights.byteLength)];
    this.wide = place(3 * outWidth);
    this.sums = place(open * this.sumsBytes);
    this.out = place(3 * outWidth);

    started ??= start();
    const { memory, compiled } = started;
    const missing = Math.ceil((end - memory.buffer.byteLength) / pageBytes);
    if (missing > 0) memory.grow(missing);
    this.compiled = compiled;
    this.bytes = new Uint8Array(memory.buffer);
    for (const [i, table] of [first, count, weights].entries()) {
      this.bytes.set(new Uint8Array(table.buffer), this.tables[i]);
    }
    this.bytes.fill(0, this.sums, this.out);
  }

  /** @param row `[width, 3]` */
  take(row: Uint8Array): void {
    this.bytes.set(row, this.row);
    const { compiled, outWidth, taps } = this;
    compiled.resizeRow(this.row, this.wide, outWidth, ...this.tables, taps.stride);
  }

  /** Adds the row taken last to a row of the output. @param weight in 22-bit fixed point */
  addTo(y: number, weight: number): void {
    this.compiled.addRow(this.wide, this.sumsOf(y), 3 * this.outWidth, weight);
  }

  /** Closes a row. @returns `[outWidth, 3]`, to be copied at once. */
  finish(y: number): Uint8Array {
    this.compiled.takeSums(this.sumsOf(y), this.out, 3 * this.outWidth);
    return this.bytes.subarray(this.out, this.out + 3 * this.outWidth);
  }

  private get sumsBytes(): number {
    return 4 * 3 * this.outWidth + margin;
  }

  private sumsOf(y: number): number {
    return this.sums + (y % this.open) * this.sumsBytes;
  }
}
