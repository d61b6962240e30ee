import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { BatchTransformer } from '../layers/batch_transformer.js';
import { splitAtBatch } from './split_at_batch.js';

/**
 * The attention that a network's own batch transformer gives to a batch: who listens to whom, class by
 * class.
 *
 * @param model A BTN, or what `optimizeForInference` made of it.
 * @param encodings Of the batch, by `splitAtBatch(model).encode`, each `[B, ...]`.
 * @returns `[C, B, B]` as `classBatchAttentionWeights`; undefined for a network without batch transformer.
 *
 * @example
 * const { encode } = splitAtBatch(model); // a BTN-7; images: [2, 112, 112, 3]
 * const weights = tf.tidy(() => batchAttentionWeights(model, encode(images, { training: false })));
 * console.log(weights?.shape); // [ 7, 2, 2 ]
 */
export function batchAttentionWeights(
  model: LayersModel,
  encodings: readonly tf.Tensor[],
): tf.Tensor3D | undefined {
  const output = model.outputs[model.outputNames.indexOf('cba')];
  const layer = output?.sourceLayer;
  if (output === undefined || !(layer instanceof BatchTransformer)) return undefined;
  return tf.tidy(() => {
    const inputs = output.inputs.slice(0, 2);
    const [query, key] = splitAtBatch(model).valuesOf(inputs, encodings, { training: false });
    return layer.attentionWeights(query!, key!);
  });
}
