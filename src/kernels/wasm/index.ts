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
import { batchMatMul } from './batch_mat_mul.js';
import { cast } from './cast.js';
import { conv2dBackpropFilter } from './conv2d_backprop_filter.js';
import { conv2dBackpropInput } from './conv2d_backprop_input.js';
import { depthwiseConv2dBackpropFilter } from './depthwise_conv2d_backprop_filter.js';
import { depthwiseConv2dBackpropInput } from './depthwise_conv2d_backprop_input.js';
import { fusedBatchNorm } from './fused_batch_norm.js';
import { fusedMatMul } from './fused_mat_mul.js';
import type { WasmKernel } from './heap.js';
import { maxPoolGrad } from './max_pool_grad.js';
import { slice } from './slice.js';
import { splitV, unpack } from './split.js';
import { mean, sum } from './sum.js';
import { tile } from './tile.js';
import { unsortedSegmentSum } from './unsorted_segment_sum.js';

const BACKEND = 'wasm';

/** Our kernels carry this mark, so that registering twice, even from two copies of this package, changes nothing. */
const MARK = 'btnLayers';

const kernels: readonly WasmKernel[] = [
  batchMatMul,
  cast,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  depthwiseConv2dBackpropFilter,
  depthwiseConv2dBackpropInput,
  fusedBatchNorm,
  fusedMatMul,
  maxPoolGrad,
  mean,
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
