/** Kernels by backend. Importing this registers them; whatever runs an op does. */
import { registerWasmKernels } from './wasm/index.js';

registerWasmKernels();
