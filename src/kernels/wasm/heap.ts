/**
 * The floor the wasm kernels stand on: typed access to the heap of tfjs-backend-wasm, scratch memory, and calls of its
 * compiled functions on *parts* of tensors.
 *
 * tfjs-backend-wasm's compiled functions name their arguments by a numeric id that is registered with an address. We
 * register an address inside an existing tensor under an id of our own, call, and unregister: no data is copied. That
 * is how a batch of matrices runs through the fast rank-2 matrix product.
 */
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

type DataId = TensorInfo['dataId'];

/** The compiled functions of tfjs-backend-wasm that we call ourselves. All arguments are ids, sizes or addresses. */
interface WasmModule {
  readonly HEAPU8: Uint8Array;
  /** The heap itself, under one name or the other, by build. */
  readonly wasmMemory?: WebAssembly.Memory;
  readonly asm?: { readonly memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(address: number): void;
  _BatchMatMul(
    a: number,
    aShape: number,
    aRank: number,
    b: number,
    bShape: number,
    bRank: number,
    transposeA: number,
    transposeB: number,
    out: number,
  ): void;
  _Transpose(
    x: number,
    shape: number,
    rank: number,
    dtype: number,
    out: number,
    perm: number,
    permLength: number,
  ): void;
  _Multiply: BinaryFunction;
  _Add: BinaryFunction;
  _AvgPool(
    x: number,
    batch: number,
    height: number,
    width: number,
    filterHeight: number,
    filterWidth: number,
    padTop: number,
    padRight: number,
    padBottom: number,
    padLeft: number,
    strideHeight: number,
    strideWidth: number,
    channels: number,
    out: number,
  ): void;
  readonly tfjs: {
    registerTensor(id: number, size: number, address: number): void;
    disposeData(id: number): void;
  };
}

type BinaryFunction = (
  a: number,
  aShape: number,
  aRank: number,
  b: number,
  bShape: number,
  bRank: number,
  dtype: number,
  out: number,
) => void;

/** What we use of `BackendWasm`. Declared here because the browser-safe entry must not import tfjs-backend-wasm. */
export interface WasmBackend {
  readonly wasm: WasmModule;
  readonly dataIdMap: { get(dataId: DataId): { id: number; memoryOffset: number } };
  dataIdNextNumber: number;
  makeOutput(shape: number[], dtype: TensorInfo['dtype']): TensorInfo;
  disposeData(dataId: DataId): boolean;
}

/** What a kernel is called with. */
export interface KernelArgs<Inputs extends string, Attrs> {
  readonly inputs: Readonly<Record<Inputs, TensorInfo>>;
  readonly backend: WasmBackend;
  readonly attrs: Attrs;
}

type KernelBody<Inputs extends string, Attrs, Output> = (args: KernelArgs<Inputs, Attrs>) => Output;

/** A kernel that we supply: `create` receives the kernel of tfjs-backend-wasm, where there is one. */
export interface WasmKernel {
  readonly kernelName: string;
  create(stock: KernelFunc | undefined): KernelFunc;
}

/** A {@link WasmKernel} with typed inputs and attributes, which tfjs does not check. */
export function defineKernel<
  Inputs extends string,
  Attrs,
  Output extends TensorInfo | TensorInfo[] = TensorInfo,
>(
  kernelName: string,
  create: (
    stock: KernelBody<Inputs, Attrs, Output> | undefined,
  ) => KernelBody<Inputs, Attrs, Output>,
): WasmKernel {
  return { kernelName, create: create as unknown as WasmKernel['create'] };
}

/** Scratch memory stays below this many bytes, so that a full-size network still fits in the 4 GiB heap. */
export const SCRATCH_LIMIT_BYTES = 64 * 2 ** 20;

const FLOAT32 = 0;
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
        throw new Error(
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

/** Ids and shape arrays that our calls reuse; one set for each backend. */
interface CallFrame {
  readonly ids: readonly [number, number, number];
  /** Address of 16 int32: two shapes or permutations of up to 8 dimensions each. */
  readonly shapes: number;
}

const frames = new WeakMap<WasmModule, CallFrame>();

function callFrame(backend: WasmBackend): CallFrame {
  let frame = frames.get(backend.wasm);
  if (!frame) {
    frame = {
      ids: [backend.dataIdNextNumber++, backend.dataIdNextNumber++, backend.dataIdNextNumber++],
      shapes: backend.wasm._malloc(64) >>> 0,
    };
    frames.set(backend.wasm, frame);
  }
  return frame;
}

/** `out = a·b`, row-major float32 matrices [m, k], [k, n] and [m, n] at the given addresses. */
export function gemm(
  backend: WasmBackend,
  a: number,
  b: number,
  out: number,
  m: number,
  k: number,
  n: number,
): void {
  const { wasm } = backend;
  const {
    ids: [aId, bId, outId],
    shapes,
  } = callFrame(backend);
  heapInts(backend).set([1, m, k, 0, 0, 0, 0, 0, 1, k, n], shapes >>> 2);
  wasm.tfjs.registerTensor(aId, m * k, a);
  wasm.tfjs.registerTensor(bId, k * n, b);
  wasm.tfjs.registerTensor(outId, m * n, out);
  wasm._BatchMatMul(aId, shapes, 3, bId, shapes + 32, 3, 0, 0, outId);
  // Disposing of b also frees XNNPACK's packed copy of it.
  wasm.tfjs.disposeData(aId);
  wasm.tfjs.disposeData(bId);
  wasm.tfjs.disposeData(outId);
}

/** Transposes `batch` row-major float32 matrices [rows, columns] from `x` to `out`. */
export function transposeMatrices(
  backend: WasmBackend,
  x: number,
  out: number,
  batch: number,
  rows: number,
  columns: number,
): void {
  if (rows === 1 || columns === 1) {
    const floats = heapFloats(backend);
    floats.copyWithin(out >>> 2, x >>> 2, (x >>> 2) + batch * rows * columns);
    return;
  }
  const { wasm } = backend;
  const {
    ids: [xId, , outId],
    shapes,
  } = callFrame(backend);
  const rank = batch === 1 ? 2 : 3;
  const shape = batch === 1 ? [rows, columns] : [batch, rows, columns];
  const perm = batch === 1 ? [1, 0] : [0, 2, 1];
  const ints = heapInts(backend);
  ints.set(shape, shapes >>> 2);
  ints.set(perm, (shapes >>> 2) + 8);
  wasm.tfjs.registerTensor(xId, batch * rows * columns, x);
  wasm.tfjs.registerTensor(outId, batch * rows * columns, out);
  wasm._Transpose(xId, shapes, rank, FLOAT32, outId, shapes + 32, rank);
  wasm.tfjs.disposeData(xId);
  wasm.tfjs.disposeData(outId);
}

function elementwise(
  backend: WasmBackend,
  call: BinaryFunction,
  a: number,
  b: number,
  out: number,
  size: number,
): void {
  const { tfjs } = backend.wasm;
  const {
    ids: [aId, bId, outId],
    shapes,
  } = callFrame(backend);
  heapInts(backend)[shapes >>> 2] = size;
  tfjs.registerTensor(aId, size, a);
  tfjs.registerTensor(bId, size, b);
  tfjs.registerTensor(outId, size, out);
  call(aId, shapes, 1, bId, shapes, 1, FLOAT32, outId);
  tfjs.disposeData(aId);
  tfjs.disposeData(bId);
  tfjs.disposeData(outId);
}

/** `out = a * b` elementwise on `size` float32. */
export function multiply(
  backend: WasmBackend,
  a: number,
  b: number,
  out: number,
  size: number,
): void {
  elementwise(backend, backend.wasm._Multiply, a, b, out, size);
}

/** `out = a + b` elementwise on `size` float32; `out` may be `a`. */
export function add(backend: WasmBackend, a: number, b: number, out: number, size: number): void {
  elementwise(backend, backend.wasm._Add, a, b, out, size);
}

/** Means over `height` rows: x [batch, height, channels] to out [batch, channels], float32, by XNNPACK's pooling. */
export function poolRows(
  backend: WasmBackend,
  x: number,
  out: number,
  batch: number,
  height: number,
  channels: number,
): void {
  const { wasm } = backend;
  const {
    ids: [xId, , outId],
  } = callFrame(backend);
  wasm.tfjs.registerTensor(xId, batch * height * channels, x);
  wasm.tfjs.registerTensor(outId, batch * channels, out);
  wasm._AvgPool(xId, batch, height, 1, height, 1, 0, 0, 0, 0, 1, 1, channels, outId);
  wasm.tfjs.disposeData(xId);
  wasm.tfjs.disposeData(outId);
}
