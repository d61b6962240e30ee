import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { ArgumentError } from '../ops/errors.js';

type Node = tfl.SymbolicTensor;
type Kwargs = Record<string, unknown>;

/** A model in two halves: what it does with each sample, and what it does with a batch. */
export interface SplitModel {
  /** Which encoding is already an output of the model, by the output's name. */
  readonly encodedOutputs: Readonly<Record<string, number>>;
  /** Of each encoding, without the axis of samples. */
  readonly encodingShapes: readonly (readonly number[])[];
  /**
   * Runs the layers before any that mixes the batch.
   *
   * @param inputs `[m, ...]`: any part of a batch.
   * @param kwargs Handed to every layer.
   * @returns What the other half needs, each `[m, ...]`.
   */
  encode(inputs: tf.Tensor, kwargs: Kwargs): tf.Tensor[];
  /**
   * Runs the rest.
   *
   * @param encodings Of the whole batch, each `[B, ...]`.
   * @returns The model's outputs by name.
   */
  combine(encodings: readonly tf.Tensor[], kwargs: Kwargs): Record<string, tf.Tensor>;
  /**
   * Runs as much of the rest as symbolic tensors of the model need.
   *
   * @param nodes Behind the border, or at it.
   * @returns The value of each.
   */
  valuesOf(
    nodes: readonly tfl.SymbolicTensor[],
    encodings: readonly tf.Tensor[],
    kwargs: Kwargs,
  ): tf.Tensor[];
}

const splits = new WeakMap<tfl.LayersModel, SplitModel>();

/**
 * Splits a functional model where samples first meet: before the layers that say `mixesBatch`. Batch
 * normalisation does not count as one: it normalises over whatever samples it is given together.
 *
 * The halves share the model's layers and live as long as it does.
 *
 * @param model With one input. One that mixes no batch is all encoder.
 * @throws ArgumentError for a model with several inputs.
 *
 * @example
 * const { encode, combine, encodingShapes } = splitAtBatch(model); // a BTN-7
 * console.log(encodingShapes); // [ [ 7 ], [ 7, 16 ], [ 7, 16 ] ]
 * const parts = tf.split(images, 2).map((image) => encode(image, { training: false })); // one by one
 * const encodings = parts[0].map((_, i) => tf.concat(parts.map((part) => part[i])));
 * console.log(combine(encodings, { training: false }).bt.shape); // [ 2, 7 ]
 */
export function splitAtBatch(model: tfl.LayersModel): SplitModel {
  let split = splits.get(model);
  if (!split) {
    split = makeSplit(model);
    splits.set(model, split);
  }
  return split;
}

function makeSplit(model: tfl.LayersModel): SplitModel {
  if (model.inputs.length !== 1) {
    throw new ArgumentError(
      `splitAtBatch: ${model.name} has ${model.inputs.length} inputs: expected one`,
    );
  }
  const border = borderOf(model.outputs);
  // Never disposed of: that would take the layers from the model.
  const encoder = tfl.model({ inputs: model.inputs, outputs: border, name: 'encoder' });
  const encodedOutputs = model.outputs.flatMap((node, i) =>
    border.includes(node) ? [[model.outputNames[i]!, border.indexOf(node)]] : [],
  );
  const valuesOf: SplitModel['valuesOf'] = (nodes, encodings, kwargs) => {
    const known = new Map(border.map((node, i) => [node, encodings[i]!]));
    return nodes.map((node) => evaluate(node, known, kwargs));
  };
  return {
    valuesOf,
    encodedOutputs: Object.fromEntries(encodedOutputs),
    encodingShapes: border.map(({ shape }) => shape.slice(1) as number[]),
    encode: (inputs, kwargs) => {
      const outputs = encoder.apply(inputs, kwargs) as tf.Tensor | tf.Tensor[];
      return Array.isArray(outputs) ? outputs : [outputs];
    },
    combine: (encodings, kwargs) => {
      const values = valuesOf(model.outputs, encodings, kwargs);
      return Object.fromEntries(model.outputNames.map((name, i) => [name, values[i]!]));
    },
  };
}

/** The last tensors in which each sample is alone: what the layers behind them, or the outputs, are made from. */
function borderOf(outputs: readonly Node[]): Node[] {
  const mixed = new Map<Node, boolean>();
  const isMixed = (node: Node): boolean => {
    let found = mixed.get(node);
    if (found === undefined) {
      found = mixesBatch(node.sourceLayer) || node.inputs.some(isMixed);
      mixed.set(node, found);
    }
    return found;
  };
  const border = new Set<Node>();
  const seen = new Set<Node>();
  const visit = (node: Node) => {
    if (seen.has(node)) return;
    seen.add(node);
    if (isMixed(node)) node.inputs.forEach(visit);
    else border.add(node);
  };
  outputs.forEach(visit);
  return [...border];
}

function mixesBatch(layer: tfl.layers.Layer): boolean {
  return (layer as { mixesBatch?: boolean }).mixesBatch === true;
}

/** The value of a symbolic tensor, from values already known, to which it adds. */
function evaluate(node: Node, known: Map<Node, tf.Tensor>, kwargs: Kwargs): tf.Tensor {
  const value = known.get(node);
  if (value) return value;
  const inputs = node.inputs.map((input) => evaluate(input, known, kwargs));
  const outputs = node.sourceLayer.apply(inputs.length === 1 ? inputs[0]! : inputs, kwargs);
  const result = [outputs].flat()[node.outputTensorIndex ?? 0] as tf.Tensor;
  known.set(node, result);
  return result;
}
