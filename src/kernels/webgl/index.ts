/** Kernels for the backend 'webgl': what tfjs-backend-webgl computes wrongly. See docs/backends.md. */
import { registerKernels } from '../install.js';
import { conv2d, fusedConv2d } from './conv2d.js';
import { batchMatMul, fusedMatMul } from './mat_mul.js';

/** Registers the kernels for the backend 'webgl'. */
export function registerWebglKernels(): void {
  registerKernels('webgl', 'BtnLayersWebglKernels', [
    batchMatMul,
    conv2d,
    fusedConv2d,
    fusedMatMul,
  ]);
}
