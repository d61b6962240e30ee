/** Our own WebAssembly, at home in the heap of tfjs-backend-wasm: it reads and writes tensors in place. */
import { binaries } from './binaries.js';
import type { WasmBackend } from './heap.js';

/** The functions of assembly/, which say what they do. Addresses in bytes, sizes in elements. */
export interface CompiledKernels {
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
}

const instances = new WeakMap<WebAssembly.Memory, CompiledKernels>();

/** The kernels for a backend, compiled for what the engine has when they are first asked for. */
export function compiledKernels({ wasm }: WasmBackend): CompiledKernels {
  const memory = wasm.wasmMemory ?? wasm.asm!.memory;
  let kernels = instances.get(memory);
  if (!kernels) {
    kernels = instantiate(memory);
    instances.set(memory, kernels);
  }
  return kernels;
}

/** Whether the engine multiplies and adds in one instruction, which decides the speed of products. */
export const hasRelaxedSimd: boolean = WebAssembly.validate(decode(binaries.relaxedSimd));

function instantiate(memory: WebAssembly.Memory): CompiledKernels {
  const isShared =
    typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
  const plain = hasRelaxedSimd ? binaries.relaxedSimd : binaries.simd;
  const shared = hasRelaxedSimd ? binaries.sharedRelaxedSimd : binaries.sharedSimd;
  const module = new WebAssembly.Module(decode(isShared ? shared : plain));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports as unknown as CompiledKernels;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
