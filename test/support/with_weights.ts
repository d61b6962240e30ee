import * as tf from '@tensorflow/tfjs-core';
import type { layers } from '@tensorflow/tfjs-layers';
import type { Op } from './gradient_check.js';

/**
 * A layer of one input as an op of its input and weights, so that gradients of both can be checked.
 * Its weights read from the op's arguments for the time of the call.
 */
export function withWeights(makeLayer: () => layers.Layer): Op {
  return (x, ...weights) => {
    const layer = makeLayer();
    layer.build(x!.shape);
    const kept = layer.weights.map((weight) => weight.read());
    layer.weights.forEach((weight, i) => {
      weight.read = () => weights[i]!;
    });
    const output = layer.call(x!, {});
    tf.dispose(kept);
    return output;
  };
}
