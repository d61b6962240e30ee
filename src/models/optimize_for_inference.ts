/**
 * Rewrites a network for inference: the same outputs from fewer layers.
 *
 * The graph is rebuilt from its outputs backwards by what TensorFlow.js keeps in each symbolic tensor:
 * the layer that made it and that layer's inputs.
 */

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { ArgumentError } from '../ops/errors.js';
import { type Chain, fusedChain, inferenceCopy, type Replacement } from './inference_layers.js';

type Node = tfl.SymbolicTensor;
type Layer = tfl.layers.Layer;

/** Options of `optimizeForInference`. */
export interface OptimizeOptions {
  /** Names of the outputs that stay, in their order. Default: all. */
  outputs?: readonly string[];
}

/**
 * A copy of a model that computes the same in inference, up to rounding, and faster:
 *
 * - batch normalisation and PReLU become part of the convolution before them. Where there is none, as
 *   before the convolutions of IR-50, they become one depthwise convolution of size 1×1: a convolution
 *   behind them cannot take them in, since the zeros it pads with are not normalised.
 * - the relative position bias of `LandmarkAttention` is looked up once and for all.
 * - `DropPath` and dropout, which do nothing, are left out, and so is what only other outputs need,
 *   inputs included.
 *
 * A new layer has the name of the last one that it replaces; layers of any other kind are copied. The
 * result can be saved and loaded, but not trained: it has no statistics left. It has no metadata.
 *
 * @param model Stays as it is, and may be trained, disposed of or changed without effect on the copy,
 *   though the two share the data of weights that are the same. Dispose both.
 * @throws ArgumentError when an output is unknown.
 *
 * @example
 * const fast = optimizeForInference(model, { outputs: ['vit'] }); // of a BTN-7
 * console.log(fast.layers.length < model.layers.length); // true
 * const logits = fast.predictOnBatch(images) as tf.Tensor; // images: [2, 112, 112, 3]
 * console.log(logits.shape); // [ 2, 7 ]
 */
export function optimizeForInference(
  model: tfl.LayersModel,
  { outputs: names = model.outputNames }: OptimizeOptions = {},
): tfl.LayersModel {
  const outputs = names.map((name) => outputNamed(model, name));
  const tensors = tensorsBehind(outputs);
  const rebuild = rebuilder(tensors, outputs);
  const rebuilt = outputs.map(rebuild);
  const inputs = model.inputs.filter((input) => tensors.has(input)).map(rebuild);
  return tfl.model({ inputs, outputs: rebuilt, name: model.name });
}

function outputNamed({ outputs, outputNames }: tfl.LayersModel, name: string): Node {
  const output = outputs[outputNames.indexOf(name)];
  if (output) return output;
  throw new ArgumentError(
    `optimizeForInference: the outputs are ${outputNames.join(', ')}, not '${name}'`,
  );
}

/** All that the outputs are made of, themselves included. */
function tensorsBehind(outputs: readonly Node[]): Set<Node> {
  const found = new Set<Node>();
  const open = [...outputs];
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (found.has(tensor)) continue;
    found.add(tensor);
    open.push(...tensor.inputs);
  }
  return found;
}

/** Makes the function that gives each tensor of a graph its counterpart in the new one. */
function rebuilder(tensors: ReadonlySet<Node>, outputs: readonly Node[]): (tensor: Node) => Node {
  const chainAt = chainFinder(tensors, outputs);
  const copies = new Map<Layer, Layer>();

  const make = (tensor: Node): Node[] => {
    const { sourceLayer, inputs, callArgs } = tensor;
    if (inputs.length === 0) return [copyOfInput(tensor)];
    if (isIdentity(sourceLayer) && !outputs.includes(tensor)) return [rebuild(inputs[0]!)];
    const chain = chainAt(tensor);
    const fused = chain && fusedChain(chain);
    if (fused) return applyNew(fused, [rebuild(chain.input)]);
    const copied = inputs.map(rebuild);
    const copy = copies.get(sourceLayer);
    if (copy) return asList(copy.apply(singleOrList(copied), callArgs));
    const replacement = inferenceCopy(sourceLayer);
    copies.set(sourceLayer, replacement.layer);
    return applyNew(replacement, copied, callArgs);
  };

  // By call, not by tensor: a layer with several outputs is applied once for all of them.
  const made = new Map<string, Node[]>();
  const rebuild = (tensor: Node): Node => {
    const call = `${tensor.nodeIndex} of ${tensor.sourceLayer.name}`;
    const results = made.get(call) ?? make(tensor);
    made.set(call, results);
    return results[tensor.tensorIndex] ?? results[0]!;
  };
  return rebuild;
}

/** Makes the function that finds the longest chain convolution → normalisation → PReLU to a tensor. */
function chainFinder(
  tensors: ReadonlySet<Node>,
  outputs: readonly Node[],
): (end: Node) => Chain | undefined {
  const all = [...tensors];
  const uses = countEach([...outputs, ...all.flatMap(({ inputs }) => inputs)]);
  const calls = countEach(all.map(({ sourceLayer }) => sourceLayer));
  return (end) => {
    const chain: Chain = { name: end.sourceLayer.name, input: end };
    const take = (part: 'prelu' | 'norm' | 'conv', ...classNames: string[]) => {
      const { sourceLayer, inputs } = chain.input;
      const isShared = calls.get(sourceLayer)! > 1;
      const isSeen = chain.input !== end && uses.get(chain.input)! > 1;
      if (isShared || isSeen || !classNames.includes(sourceLayer.getClassName())) return;
      chain[part] = sourceLayer;
      chain.input = inputs[0]!;
    };
    take('prelu', 'BtnPReLU');
    take('norm', 'BtnBatchNorm');
    take('conv', 'BtnConv2D', 'BtnDepthwiseConv2D');
    return chain;
  };
}

function countEach<T>(items: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Whether a layer gives back its input in inference. */
function isIdentity(layer: Layer): boolean {
  return ['DropPath', 'Dropout'].includes(layer.getClassName());
}

function copyOfInput({ shape, dtype, sourceLayer }: Node): Node {
  return tfl.input({ batchShape: shape, dtype, name: sourceLayer.name });
}

/** Applies a new layer, which builds it, and sets its weights. */
function applyNew({ layer, weights }: Replacement, inputs: Node[], callArgs = {}): Node[] {
  layer.setFastWeightInitDuringBuild(true);
  const outputs = layer.apply(singleOrList(inputs), callArgs);
  tf.tidy(() => {
    layer.setWeights(weights());
  });
  return asList(outputs);
}

function singleOrList(nodes: Node[]): Node | Node[] {
  return nodes.length === 1 ? nodes[0]! : nodes;
}

function asList(outputs: ReturnType<Layer['apply']>): Node[] {
  return (Array.isArray(outputs) ? outputs : [outputs]) as Node[];
}
