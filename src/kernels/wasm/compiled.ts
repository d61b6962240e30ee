/** Our own WebAssembly, at home in the heap of tfjs-backend-wasm: it reads and writes tensors in place. */
import { decodeBinary } from '../decode_binary.js';
import { binaries } from './binaries.js';
import type { WasmBackend } from './heap.js';
import { withSharedMemory } from './shared_memory.js';

/** The functions of assembly/, which say what they do. Addresses in bytes, sizes in elements. */
export interface CompiledKernels {
  addScaled(x: number, y: number, out: number, size: number, scale: number, keep: number): void;
  sumOfSquares(x: number, size: number): number;
  adam(
    w: number,
    m: number,
    v: number,
    g: number,
    wOut: number,
    mOut: number,
    vOut: number,
    size: number,
    rate: number,
    beta1: number,
    beta2: number,
    rest1: number,
    rest2: number,
    epsilon: number,
  ): void;
  attend(attention: number, out: number, scratch: number): void;
  attendScratch(attention: number): number;
  attendGradients(
    attention: number,
    dy: number,
    dQuery: number,
    dKey: number,
    dValue: number,
    dBias: number,
    scratch: number,
  ): void;
  attendGradientsScratch(attention: number): number;
  matMul(
    a: number,
    b: number,
    out: number,
    batch: number,
    aStep: number,
    bStep: number,
    m: number,
    k: number,
    n: number,
    transposeA: number,
    transposeB: number,
    bias: number,
    scratch: number,
  ): void;
  productScratch(rows: number, inner: number, columns: number, channels: number): number;
  convolve(
    windows: number,
    image: number,
    filter: number,
    out: number,
    transpose: number,
    bias: number,
    scratch: number,
  ): void;
  convolveScratch(windows: number): number;
  filterGradient(windows: number, image: number, dy: number, out: number, scratch: number): void;
  filterGradientScratch(windows: number): number;
  batchStatistics(
    x: number,
    mean: number,
    variance: number,
    rows: number,
    channels: number,
    scratch: number,
  ): void;
  columnProducts(
    dy: number,
    x: number,
    mean: number,
    sums: number,
    products: number,
    rows: number,
    channels: number,
    scratch: number,
  ): void;
  columnSums(
    x: number,
    out: number,
    rows: number,
    channels: number,
    scale: number,
    scratch: number,
  ): void;
  combineColumns(
    dy: number,
    x: number,
    mean: number,
    factor: number,
    slope: number,
    offset: number,
    dx: number,
    rows: number,
    channels: number,
  ): void;
  depthwiseFilterGradient(windows: number, x: number, dy: number, sums: number): void;
  depthwiseInputGradient(
    windows: number,
    dy: number,
    filter: number,
    dx: number,
    taps: number,
  ): void;
  gelu(x: number, y: number, size: number, scratch: number): void;
  geluGradient(dy: number, x: number, dx: number, size: number, scratch: number): void;
  geluScratch(): number;
  layerNorm(
    x: number,
    gamma: number,
    beta: number,
    y: number,
    rows: number,
    size: number,
    epsilon: number,
  ): void;
  layerNormGradient(
    dy: number,
    x: number,
    gamma: number,
    dx: number,
    dGamma: number,
    dBeta: number,
    rows: number,
    size: number,
    epsilon: number,
    scratch: number,
  ): void;
  normaliseColumns(
    x: number,
    mean: number,
    factor: number,
    shift: number,
    y: number,
    rows: number,
    channels: number,
  ): void;
  preluGradient(
    dy: number,
    x: number,
    alpha: number,
    dx: number,
    dAlpha: number,
    rows: number,
    channels: number,
    scratch: number,
  ): void;
  winograd(
    windows: number,
    image: number,
    filter: number,
    out: number,
    transpose: number,
    bias: number,
    scratch: number,
  ): void;
  winogradScratch(windows: number): number;
  winogradFilterGradient(
    windows: number,
    image: number,
    dy: number,
    out: number,
    scratch: number,
  ): void;
  winogradFilterGradientScratch(windows: number): number;
}

const instances = new WeakMap<WebAssembly.Memory, CompiledKernels>();

/** The kernels for a backend, compiled for what the engine has when they are first asked for. */
export function compiledKernels({ wasm }: WasmBackend): CompiledKernels {
  const memory = memoryOf(wasm);
  let kernels = instances.get(memory);
  if (!kernels) {
    kernels = instantiate(memory);
    instances.set(memory, kernels);
  }
  return kernels;
}

function memoryOf(wasm: WasmBackend['wasm']): WebAssembly.Memory {
  return wasm.wasmMemory ?? wasm.asm!.memory;
}

function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
}

/** Whether the engine multiplies and adds in one instruction, which decides the speed of products. */
export const hasRelaxedSimd: boolean = WebAssembly.validate(decodeBinary(binaries.relaxedSimd));

function instantiate(memory: WebAssembly.Memory): CompiledKernels {
  const binary = decodeBinary(hasRelaxedSimd ? binaries.relaxedSimd : binaries.simd);
  const module = new WebAssembly.Module(isShared(memory) ? withSharedMemory(binary) : binary);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports as unknown as CompiledKernels;
}
