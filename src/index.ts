/**
 * btn-layers: class batch attention and multi-level attention as TensorFlow.js layers and ops, and
 * the layers that the Batch Transformer Network is made of. Importing it registers the ops on every backend and the kernels
 * that let networks train on wasm; a layer registers itself for `loadLayersModel` (see `registerLayers`).
 */
import './kernels/index.js';

export type {
  BtnLayer,
  Initializer,
  Kwargs,
  LayerConfig,
  LayerShape,
  SeededConfig,
  Weight,
} from './layers/btn_layer.js';
export * from './layers/index.js';
export { registerLayers } from './layers/register_layers.js';
export { channelPositionalEncoding } from './ops/channel_positional_encoding.js';
export {
  type ClassBatchAttentionOptions,
  classBatchAttention,
  classBatchAttentionWeights,
} from './ops/class_batch_attention.js';
export { ArgumentError, BtnError, ShapeError, UnsupportedError } from './ops/errors.js';
export {
  type MultiLevelAttentionOptions,
  type MultiLevelAttentionWeights,
  multiLevelAttention,
  type Projection,
} from './ops/multi_level_attention.js';
export { TensorflowCopiesError } from './ops/one_tensorflow.js';
export {
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
} from './ops/scaled_dot_product_attention.js';
export type { Shape } from './ops/shape_check.js';
