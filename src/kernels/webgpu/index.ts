/** Kernels for the backend 'webgpu': attention, and what tfjs-backend-webgpu computes wrongly. See docs/backends.md. */
import { registerKernels } from '../install.js';
import { addN } from './add_n.js';
import { classBatchAttention, classBatchAttentionGrad } from './class_batch_attention.js';
import {
  scaledDotProductAttention,
  scaledDotProductAttentionGrad,
} from './scaled_dot_product_attention.js';

/** Registers the kernels for the backend 'webgpu'. */
export function registerWebgpuKernels(): void {
  registerKernels('webgpu', 'BtnLayersWebgpuKernels', [
    addN,
    classBatchAttention,
    classBatchAttentionGrad,
    scaledDotProductAttention,
    scaledDotProductAttentionGrad,
  ]);
}
