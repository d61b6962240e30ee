/** Kernels by backend. Importing this registers them; whatever runs an op does. */
import { registerTensorflowKernels } from './tensorflow/index.js';
import { registerWasmKernels } from './wasm/index.js';
import { registerWebglKernels } from './webgl/index.js';
import { registerWebgpuKernels } from './webgpu/index.js';

registerWasmKernels();
registerTensorflowKernels();
registerWebglKernels();
registerWebgpuKernels();
