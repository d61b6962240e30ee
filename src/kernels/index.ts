/** Kernels by backend. Importing this registers them; whatever runs an op does. */
import { checkOneTensorflow } from '../ops/one_tensorflow.js';
import { registerTensorflowKernels } from './tensorflow/index.js';
import { registerWasmKernels } from './wasm/index.js';
import { registerWebglKernels } from './webgl/index.js';
import { registerWebgpuKernels } from './webgpu/index.js';

checkOneTensorflow();
registerWasmKernels();
registerTensorflowKernels();
registerWebglKernels();
registerWebgpuKernels();
