/**
 * btn-layers: class batch attention and multi-level attention as TensorFlow.js layers and ops, and
 * the layers that the Batch Transformer Network is made of. Importing it registers the layers for
 * `loadLayersModel`, the ops on every backend, and the kernels that let networks train on wasm.
 */
export * from './layers/index.js';
export { channelPositionalEncoding } from './ops/channel_positional_encoding.js';
export {
  type ClassBatchAttentionOptions,
  classBatchAttention,
  classBatchAttentionWeights,
} from './ops/class_batch_attention.js';
export {
  type MultiLevelAttentionOptions,
  type MultiLevelAttentionWeights,
  multiLevelAttention,
  type Projection,
} from './ops/multi_level_attention.js';
export {
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
} from './ops/scaled_dot_product_attention.js';
export { ShapeError } from './ops/shape_check.js';
