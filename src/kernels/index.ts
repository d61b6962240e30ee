/** Kernels by backend. Importing this module registers them; every entry point that runs an op imports it. */
import './register.js';

export { registerWasmKernels } from './wasm/index.js';
