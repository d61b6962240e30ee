import { registerWasmKernels } from './wasm/index.js';

registerWasmKernels();
