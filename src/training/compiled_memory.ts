import { decodeBinary } from '../kernels/decode_binary.js';

/** So far can a vector reach beyond what is meant. */
const margin = 64;
const pageBytes = 65536;
/** A larger memory than this is not kept for a smaller job. */
const keptBytes = 2 ** 24;

/** What assembly/ compiles to that works on a memory of its own, one job at a time. */
export class CompiledMemory<Exports> {
  private module: WebAssembly.Module | undefined;
  private bytes = new Uint8Array();
  private compiled: Exports | undefined;

  /** @param binary base64 */
  constructor(private readonly binary: string) {}

  /** What is exported, and the memory: at least so many bytes, of any value. */
  room(size: number): { bytes: Uint8Array; compiled: Exports } {
    const { length } = this.bytes;
    if (!this.compiled || length < size || (length > keptBytes && length > 2 * size)) {
      this.start(size);
    }
    return { bytes: this.bytes, compiled: this.compiled! };
  }

  /** Anew: where a memory grows, its buffer is detached, after which V8 checks every access to any typed array. */
  private start(size: number): void {
    const roomy = Math.max(size, Math.min(2 * size, keptBytes));
    const memory = new WebAssembly.Memory({ initial: Math.ceil(roomy / pageBytes) });
    this.module ??= new WebAssembly.Module(decodeBinary(this.binary));
    const { exports } = new WebAssembly.Instance(this.module, { env: { memory } });
    this.bytes = new Uint8Array(memory.buffer);
    this.compiled = exports as Exports;
  }
}

/**
 * Addresses of pieces of a memory, one after the other.
 *
 * @param sizes in bytes
 */
export function laidOut<Name extends string>(
  sizes: Record<Name, number>,
): { at: Record<Name, number>; end: number } {
  const at = {} as Record<Name, number>;
  let end = 0;
  for (const name in sizes) {
    at[name] = end;
    end += Math.ceil((sizes[name] + margin) / margin) * margin;
  }
  return { at, end };
}

/** A structure of assembly/ that has these fields, in this order, each an int32. */
export function structureOf(fields: Record<string, number>): Int32Array {
  return Int32Array.from(Object.values(fields));
}

/** Writes numbers as they lie in memory. */
export function put(
  bytes: Uint8Array,
  address: number,
  numbers: Int32Array | Int16Array | Float32Array,
): void {
  bytes.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), address);
}
