import type { layers } from '@tensorflow/tfjs-layers';
import type { Weight } from './btn_layer.js';

/** A weight's name within its layer: `norm1/gamma` of the weight `VIT.blocks.0/norm1/gamma`. */
export function weightName(layer: layers.Layer, { originalName }: Weight): string {
  const scope = `${layer.name}/`;
  return originalName.startsWith(scope) ? originalName.slice(scope.length) : originalName;
}
