/**
 * Kernels that let any tfjs network train on the wasm backend: those that tfjs-backend-wasm lacks, computes wrongly or
 * computes slowly. See docs/wasm_training.md.
 */
import {
  getKernel,
  type KernelConfig,
  registerKernel,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
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
import type { WasmKernel } from './heap.js';
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

const BACKEND = 'wasm';

/** Our kernels carry this mark, so that registering twice, even from two copies of this package, changes nothing. */
const MARK = 'btnLayers';

const kernels: readonly WasmKernel[] = [
  adamUpdate,
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
  tile,
  unpack,
  unsortedSegmentSum,
];

type MarkedConfig = KernelConfig & { readonly [MARK]?: true };

function install({ kernelName, create }: WasmKernel): void {
  const stock = getKernel(kernelName, BACKEND) as MarkedConfig | undefined;
  if (stock?.[MARK]) return;
  if (stock) unregisterKernel(kernelName, BACKEND);
  const config: MarkedConfig = {
    // Keeps the stock kernel's set-up and disposal, which the stock kernel still needs.
    ...stock,
    kernelName,
    backendName: BACKEND,
    kernelFunc: create(stock?.kernelFunc),
    [MARK]: true,
  };
  registerKernel(config);
}

/**
 * Registers the kernels for the backend 'wasm'. Idempotent, and independent of the order of imports.
 *
 * tfjs-backend-wasm overwrites what is registered under its kernels' names when it is imported, so ours wait: we
 * register one kernel of our own whose only purpose is its `setupFunc`, which the engine calls each time the backend is
 * set, and that puts ours in place. Where tfjs-backend-wasm was imported before us, they are put in place at once too.
 */
export function registerWasmKernels(): void {
  const installAll = () => kernels.forEach(install);
  const name = 'BtnLayersWasmKernels';
  if (!getKernel(name, BACKEND)) {
    registerKernel({
      kernelName: name,
      backendName: BACKEND,
      setupFunc: installAll,
      kernelFunc: () => {
        throw new Error(`${name} only carries a set-up function and computes nothing`);
      },
    });
  }
  if (getKernel('Conv2D', BACKEND)) installAll();
}
