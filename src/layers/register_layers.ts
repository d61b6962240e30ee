import { serialization } from '@tensorflow/tfjs-core';
import * as layers from './index.js';

type LayerClass = Parameters<typeof serialization.registerClass>[0];

/**
 * Registers every layer of this package, so that `loadLayersModel` knows them. A layer that a program names registers
 * itself; a bundler leaves the others out. Call this in a bundled program that loads models and names no layers.
 *
 * @example
 * registerLayers();
 * const model = await tfl.loadLayersModel(url); // of a model that has layers of ours
 * console.log(model.outputNames); // [ 'vit', 'bt', 'cba' ]
 */
export function registerLayers(): void {
  for (const layer of Object.values(layers)) serialization.registerClass(layer as LayerClass);
}
