/**
 * Kernels that let any tfjs network train on the wasm backend: those that tfjs-backend-wasm lacks, computes wrongly or
 * computes slowly. See docs/wasm_training.md.
 */
import { registerKernels, type SuppliedKernel } from '../install.js';
import { adamUpdate } from './adam_update.js';
import { batchMatMul } from './batch_mat_mul.js';
import { affine, batchNorm, batchNormGradient } from './batch_norm.js';
import { cast } from './cast.js';
import { classBatchAttention, classBatchAttentionGrad } from './class_batch_attention.js';
import { conv2d, fusedConv2d } from './conv2d.js';
import { conv2dBackpropFilter } from './conv2d_backprop_filter.js';
import { conv2dBackpropInput } from './conv2d_backprop_input.js';
import { depthwiseConv2dBackpropFilter } from './depthwise_conv2d_backprop_filter.js';
import { depthwiseConv2dBackpropInput } from './depthwise_conv2d_backprop_input.js';
import { fusedBatchNorm } from './fused_batch_norm.js';
import { fusedMatMul } from './fused_mat_mul.js';
import { gather } from './gather.js';
import { gelu, geluGradient } from './gelu.js';
import { identity } from './identity.js';
import { layerNorm, layerNormGradient } from './layer_norm.js';
import { maxPoolGrad } from './max_pool_grad.js';
import { pad } from './pad.js';
import { preluGradient } from './prelu.js';
import {
  scaledDotProductAttention,
  scaledDotProductAttentionGrad,
} from './scaled_dot_product_attention.js';
import { slice } from './slice.js';
import { splitV, unpack } from './split.js';
import { mean, sum } from './sum.js';
import { tile } from './tile.js';
import { unsortedSegmentSum } from './unsorted_segment_sum.js';
import { addScaled, sumOfSquares } from './updates.js';

const kernels: readonly SuppliedKernel[] = [
  adamUpdate,
  addScaled,
  affine,
  batchMatMul,
  batchNorm,
  batchNormGradient,
  cast,
  classBatchAttention,
  classBatchAttentionGrad,
  conv2d,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  depthwiseConv2dBackpropFilter,
  depthwiseConv2dBackpropInput,
  fusedBatchNorm,
  fusedConv2d,
  fusedMatMul,
  gather,
  gelu,
  geluGradient,
  identity,
  layerNorm,
  layerNormGradient,
  maxPoolGrad,
  mean,
  pad,
  preluGradient,
  scaledDotProductAttention,
  scaledDotProductAttentionGrad,
  slice,
  splitV,
  sum,
  sumOfSquares,
  tile,
  unpack,
  unsortedSegmentSum,
];

/** Registers the kernels for the backend 'wasm'. */
export function registerWasmKernels(): void {
  registerKernels('wasm', 'BtnLayersWasmKernels', kernels);
}
