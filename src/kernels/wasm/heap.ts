/** The floor the wasm kernels stand on: typed access to the heap of tfjs-backend-wasm, and scratch memory. */

import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../ops/errors.js';
import type { SuppliedKernel } from '../install.js';

type DataId = TensorInfo['dataId'];

/** What we use of the module of tfjs-backend-wasm. */
interface WasmModule {
  readonly HEAPU8: Uint8Array;
  /** The heap itself, under one name or the other, by build. */
  readonly wasmMemory?: WebAssembly.Memory;
  readonly asm?: { readonly memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** What we use of `BackendWasm`. Declared here because the browser-safe entry must not import tfjs-backend-wasm. */
export interface WasmBackend {
  readonly wasm: WasmModule;
  readonly dataIdMap: { get(dataId: DataId): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: TensorInfo['dtype']): TensorInfo;
  incRef(dataId: DataId): void;
  disposeData(dataId: DataId): boolean;
}

/** What a kernel is called with. */
export interface KernelArgs<Inputs extends string, Attrs> {
  readonly inputs: Readonly<Record<Inputs, TensorInfo>>;
  readonly backend: WasmBackend;
  readonly attrs: Attrs;
}

type KernelBody<Inputs extends string, Attrs, Output> = (args: KernelArgs<Inputs, Attrs>) => Output;

/** A kernel with typed inputs and attributes, which tfjs does not check. */
export function defineKernel<
  Inputs extends string,
  Attrs,
  Output extends TensorInfo | TensorInfo[] = TensorInfo,
>(
  kernelName: string,
  create: (
    stock: KernelBody<Inputs, Attrs, Output> | undefined,
  ) => KernelBody<Inputs, Attrs, Output>,
): SuppliedKernel {
  return { kernelName, create: create as unknown as SuppliedKernel['create'] };
}

const views = new WeakMap<ArrayBufferLike, { floats: Float32Array; ints: Int32Array }>();

function heapViews(backend: WasmBackend) {
  const { buffer } = backend.wasm.HEAPU8;
  let found = views.get(buffer);
  if (!found) {
    found = { floats: new Float32Array(buffer), ints: new Int32Array(buffer) };
    views.set(buffer, found);
  }
  return found;
}

/** The whole heap as float32. Fetch it anew after anything that may allocate: growing the heap detaches old views. */
export function heapFloats(backend: WasmBackend): Float32Array {
  return heapViews(backend).floats;
}

/** The whole heap as int32; see {@link heapFloats}. */
export function heapInts(backend: WasmBackend): Int32Array {
  return heapViews(backend).ints;
}

/** The address of a tensor's first byte. */
export function addressOf(backend: WasmBackend, tensor: TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset;
}

/** The `size` float32 at an address; see {@link heapFloats}. */
export function floatsAt(backend: WasmBackend, address: number, size: number): Float32Array {
  return heapFloats(backend).subarray(address >>> 2, (address >>> 2) + size);
}

/** A new float32 tensor of zeros. */
export function makeZeros(backend: WasmBackend, shape: number[]): TensorInfo {
  const out = backend.makeOutput(shape, 'float32');
  floatsAt(backend, addressOf(backend, out), util.sizeFromShape(shape)).fill(0);
  return out;
}

/** Runs shorter than this are copied by a loop, longer ones by `copyWithin`. */
const shortRun = 24;

/** Copies `length` elements inside the heap, from and to indices of a view of it. */
export function copyRun(
  heap: Float32Array | Int32Array,
  from: number,
  to: number,
  length: number,
): void {
  if (length < shortRun) {
    for (let i = 0; i < length; i++) heap[to + i] = heap[from + i] as number;
  } else {
    heap.copyWithin(to, from, from + length);
  }
}

/** Runs `body` with the addresses of scratch arrays of the given numbers of float32 elements, then frees them. */
export function withScratch(
  backend: WasmBackend,
  sizes: readonly number[],
  body: (...addresses: number[]) => void,
): void {
  const addresses: number[] = [];
  try {
    for (const size of sizes) {
      const address = backend.wasm._malloc(Math.max(size, 1) * 4) >>> 0;
      if (address === 0) {
        throw new UnsupportedError(
          'OutOfMemory',
          `wasm memory is exhausted: no ${size * 4} bytes of scratch. Use a smaller batch.`,
        );
      }
      addresses.push(address);
    }
    body(...addresses);
  } finally {
    for (const address of addresses) backend.wasm._free(address);
  }
}

/**
 * Runs `body` with the address of a structure that a compiled function reads — int32, then float32 —
 * and of as much scratch memory as `bytesOf` asks for it.
 */
export function withStructure(
  backend: WasmBackend,
  { integers, numbers = [] }: { integers: readonly number[]; numbers?: readonly number[] },
  bytesOf: (address: number) => number,
  body: (address: number, scratch: number) => void,
): void {
  withScratch(backend, [integers.length + numbers.length], (address) => {
    const index = address! >>> 2;
    heapInts(backend).set(integers, index);
    heapFloats(backend).set(numbers, index + integers.length);
    withScratch(backend, [bytesOf(address!) / 4], (scratch) => body(address!, scratch!));
  });
}
