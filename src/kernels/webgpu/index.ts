/** Kernels for the backend 'webgpu': what tfjs-backend-webgpu computes wrongly. See docs/backends.md. */
import { registerKernels } from '../install.js';
import { addN } from './add_n.js';

/** Registers the kernels for the backend 'webgpu'. */
export function registerWebgpuKernels(): void {
  registerKernels('webgpu', 'BtnLayersWebgpuKernels', [addN]);
}
