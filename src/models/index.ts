/** btn-layers/models: the networks, wired from the layers, and what can be done with a network as a whole. Runs in browsers. */
export { batchAttentionWeights } from './batch_attention.js';
export { type BtnBuildOptions, btn } from './btn.js';
export * from './config.js';
export { ir50 } from './ir50.js';
export { mobileFaceNet } from './mobilefacenet.js';
export { type OptimizeOptions, optimizeForInference } from './optimize_for_inference.js';
export { type SplitModel, splitAtBatch } from './split_at_batch.js';
export type { StartsFromZeros } from './wiring.js';
