/** Kernels by backend. Importing this module registers them; every entry point that runs an op imports it. */
import { registerWasmKernels } from './wasm/index.js';

export { registerWasmKernels };

registerWasmKernels();
