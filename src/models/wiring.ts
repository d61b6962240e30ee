import type { layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { BtnBatchNorm, type BtnBatchNormConfig } from '../layers/batch_norm.js';
import { nthSeed } from '../layers/btn_layer.js';
import { BtnConv2D, type BtnConv2DConfig } from '../layers/conv2d.js';
import { BtnPReLU } from '../layers/prelu.js';

type Node = SymbolicTensor;

/** Whether the weights of a layer, by its name, are set right after it is built: until then, zeros will do. */
export type StartsFromZeros = (layerName: string) => boolean;

/**
 * Of the network that is being wired. A variable of the module, since every layer passes through `apply`,
 * and wiring is synchronous: as an argument, it would have to pass through every function that wires.
 */
let startsFromZeros: StartsFromZeros = () => false;

/** Wires a network whose layers start from random weights only where they must. */
export function wiredFromZeros<T>(choice: StartsFromZeros, wire: () => T): T {
  const outer = startsFromZeros;
  startsFromZeros = choice;
  try {
    return wire();
  } finally {
    startsFromZeros = outer;
  }
}

/** Applies a layer to one symbolic tensor, or to a list, and returns its only output. */
export function apply(layer: layers.Layer, input: Node | Node[]): Node {
  if (startsFromZeros(layer.name)) layer.setFastWeightInitDuringBuild(true);
  return layer.apply(input) as Node;
}

/** Hands out a new seed for each layer in turn; none when there is no seed to begin with. */
export function seedSequence(seed: number | undefined): () => number | undefined {
  let count = 0;
  return () => nthSeed(seed, count++);
}

/**
 * What a network hands to each of its layers: the next seed and whether the layer learns. Layers are
 * named by their path in the PyTorch network, so that a state dict finds them.
 */
export interface Wiring {
  seed: () => number | undefined;
  trainable: boolean;
  frozenStatistics?: BtnBatchNormConfig['frozenStatistics'];
}

export function conv(
  x: Node,
  name: string,
  config: Omit<BtnConv2DConfig, 'name' | 'seed' | 'trainable'>,
  { seed, trainable }: Wiring,
): Node {
  return apply(new BtnConv2D({ ...config, name, trainable, seed: seed() }), x);
}

export function batchNorm(x: Node, name: string, { trainable, frozenStatistics }: Wiring): Node {
  return apply(new BtnBatchNorm({ name, trainable, frozenStatistics }), x);
}

export function prelu(x: Node, name: string, { trainable }: Wiring): Node {
  return apply(new BtnPReLU({ name, trainable }), x);
}
