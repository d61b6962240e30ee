import type { layers } from '@tensorflow/tfjs-layers';
import type { Op } from './check_gradients.js';

/**
 * A built layer as an op of its inputs and then all its weights, so that gradients of both can be checked: its weights
 * read from the op's arguments for the time of the call.
 */
export function layerOp(layer: layers.Layer, numInputs: number, kwargs: object = {}): Op {
  return (...tensors) => {
    const inputs = tensors.slice(0, numInputs);
    const read = layer.weights.map((weight) => weight.read);
    layer.weights.forEach((weight, i) => {
      weight.read = () => tensors[numInputs + i]!;
    });
    try {
      return layer.apply(numInputs === 1 ? inputs[0]! : inputs, kwargs) as ReturnType<Op>;
    } finally {
      layer.weights.forEach((weight, i) => {
        weight.read = read[i]!;
      });
    }
  };
}
