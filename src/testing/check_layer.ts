import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { shapeList } from '../layers/btn_layer.js';
import { weightName } from '../layers/weight_name.js';
import { formatShape, type Shape } from '../ops/shape_check.js';
import { asList, type NdArray, ndArray, randomArray, tidied, toArray, toTensor } from './arrays.js';
import { type GradientCheckOptions, type GradientReport, reportOf } from './check_gradients.js';
import { compare, failuresOf } from './comparison.js';
import { layerOp } from './layer_op.js';

type Layer = tfl.layers.Layer;

/** A layer's class, whatever configuration it takes. */
export interface LayerClass {
  new (config: never): tfl.layers.Layer;
  /** Under which it is registered. */
  readonly className: string;
  /** As `tf.serialization` calls it. */
  fromConfig(cls: unknown, config: tf.serialization.ConfigDict): tf.serialization.Serializable;
}

/** The configuration that a layer's class takes. */
export type ConfigOf<T extends LayerClass> = NonNullable<ConstructorParameters<T>[0]>;

/** Options of `checkLayer`. */
export interface LayerCheckOptions extends Omit<GradientCheckOptions, 'reference' | 'order'> {
  /** What the layer computes, in float64, from inputs and the layer's weights in order: see `checkGradients`. */
  reference?: (inputs: NdArray[], weights: NdArray[]) => NdArray | NdArray[];
  /** What the layer is called with, such as `{ training: true }`. Default: inference. */
  kwargs?: object;
}

/**
 * Checks what every layer owes its users, on the backend in use:
 *
 * - it has the shapes that it announces, to symbolic inputs and by `computeOutputShape`
 * - it comes back from `getConfig`, with all of `config`, and computes the same
 * - it survives saving and loading, in a model that has two of it
 * - its gradients by inputs and trainable weights are those of `checkGradients`; weights get random values for it, so that
 *   no bias is 0 and no scale 1, positive ones where the name says variance
 * - it leaves no tensor behind
 *
 * @param LayerType Registered by `tf.serialization.registerClass`.
 * @param inputs One array for each input of the layer; the first axis is the batch.
 * @returns As `checkGradients`, with a comparison for each input and then each trainable weight by name.
 * @throws What the layer throws; the error of `loadLayersModel` when it is not registered.
 *
 * @example
 * const inputs = [randomArray([2, 3, 8], 1)]; // a batch of two, three tokens of width 8
 * const { failures } = await checkLayer(BtnLayerNorm, { epsilon: 1e-5 }, inputs);
 * console.log(failures); // []
 */
export async function checkLayer<T extends LayerClass>(
  LayerType: T,
  config: ConfigOf<T>,
  inputs: NdArray[],
  { reference, kwargs, constants = [], ...options }: LayerCheckOptions = {},
): Promise<GradientReport> {
  const { numTensors } = tf.memory();
  const make = () => buildLayer(LayerType, config, inputs);
  const failures = [
    ...shapeFailures(make, inputs),
    ...configFailures(LayerType, config, make, inputs),
    ...(await savingFailures(LayerType, config, inputs)),
  ];

  const { layer } = make();
  const weights = layer.weights.map(readWeight);
  const frozen = layer.weights.flatMap((weight, i) =>
    layer.trainableWeights.includes(weight) ? [] : [inputs.length + i],
  );
  const names = [
    ...inputs.map((_, k) => `input ${k}`),
    ...layer.weights.map((weight) => weightName(layer, weight)),
  ];
  const op = layerOp(layer, inputs.length, kwargs);
  const report = reportOf(op, [...inputs, ...weights], names, {
    ...options,
    constants: [...constants, ...frozen],
    ...(reference && {
      reference: (...at) => reference(at.slice(0, inputs.length), at.slice(inputs.length)),
    }),
  });
  layer.dispose();
  failures.push(...report.failures);
  const left = tf.memory().numTensors - numTensors;
  if (left !== 0) failures.push(`${left} tensors are left behind`);
  return { ...report, failures };
}

/** Random weights, so that no bias is 0 and no scale 1; variances stay above 0. */
export function randomizeWeights(layer: Layer | tfl.LayersModel, seed = 7): void {
  layer.weights.forEach((weight, i) => {
    const array = randomArray(weight.shape as number[], seed + i, { scale: 0.5 });
    const isVariance = /variance/i.test(weight.originalName);
    const value = isVariance ? (v: number) => Math.abs(v) + 0.5 : (v: number) => v;
    const values = toTensor(ndArray(array.shape, (k) => value(array.data[k]!)));
    weight.write(values);
    values.dispose();
  });
}

/** What `model.save` hands to a file, with the weights. */
export async function savedArtifacts(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  // As if it had been on disk: what JSON does not carry is lost.
  const { modelTopology } = saved!;
  return { ...saved!, modelTopology: JSON.parse(JSON.stringify(modelTopology)) as object };
}

function symbolicInputs(inputs: readonly NdArray[]): tfl.SymbolicTensor[] {
  return inputs.map(({ shape }) => tfl.input({ shape: shape.slice(1) }));
}

function onlyOrAll<T>(list: T[]): T | T[] {
  return list.length === 1 ? list[0]! : list;
}

/** A layer that was built by a call on symbolic inputs, with weights that are all different. */
export function buildLayer<T extends LayerClass>(
  LayerType: T,
  config: ConfigOf<T>,
  inputs: NdArray[],
): { layer: Layer; outputs: tfl.SymbolicTensor[] } {
  const layer = new LayerType(config as never);
  const outputs = asList(layer.apply(onlyOrAll(symbolicInputs(inputs)))) as tfl.SymbolicTensor[];
  randomizeWeights(layer);
  return { layer, outputs };
}

export function callEagerly(layer: Layer, inputs: NdArray[]): NdArray[] {
  return tidied(() =>
    asList(layer.apply(onlyOrAll(inputs.map(toTensor))) as tf.Tensor).map(toArray),
  );
}

function shapeFailures(make: () => ReturnType<typeof buildLayer>, inputs: NdArray[]): string[] {
  const { layer, outputs } = make();
  const computed = formatShapes(callEagerly(layer, inputs).map(({ shape }) => [...shape]));
  const batch = inputs[0]!.shape[0]!;
  const shapes = inputs.map(({ shape }) => [...shape]);
  const claims = {
    'its symbolic outputs': outputs.map(({ shape }) => shape.map((size) => size ?? batch)),
    computeOutputShape: shapeList(layer.computeOutputShape(onlyOrAll(shapes) as Shape)),
  };
  layer.dispose();
  return Object.entries(claims)
    .filter(([, claimed]) => formatShapes(claimed) !== computed)
    .map(
      ([who, claimed]) => `${who}: shapes ${formatShapes(claimed)}, but computed are ${computed}`,
    );
}

function configFailures<T extends LayerClass>(
  LayerType: T,
  config: ConfigOf<T>,
  make: () => ReturnType<typeof buildLayer>,
  inputs: NdArray[],
): string[] {
  const { layer } = make();
  const text = JSON.stringify(layer.getConfig());
  const saved = JSON.parse(text) as Record<string, unknown>;
  const failures = Object.entries(config as object)
    .filter(([key, value]) => JSON.stringify(saved[key]) !== JSON.stringify(value))
    .map(
      ([key, value]) =>
        `getConfig: ${key} is ${JSON.stringify(saved[key])}, but was ${JSON.stringify(value)}`,
    );
  // TensorFlow.js rewrites other keys on their way through a file.
  const strange = Object.keys(saved).filter((key) => !/^[a-z][A-Za-z0-9]*$/.test(key));
  for (const key of strange) failures.push(`getConfig: the key ${key} is no plain camelCase`);

  const copy = LayerType.fromConfig(LayerType, saved as tf.serialization.ConfigDict) as Layer;
  copy.apply(onlyOrAll(symbolicInputs(inputs)));
  copy.setWeights(layer.getWeights());
  if (JSON.stringify(copy.getConfig()) !== text) failures.push('getConfig of the copy differs');
  failures.push(
    ...differences(
      'of the copy by its configuration',
      callEagerly(copy, inputs),
      callEagerly(layer, inputs),
    ),
  );
  layer.dispose();
  copy.dispose();
  return failures;
}

async function savingFailures<T extends LayerClass>(
  LayerType: T,
  config: ConfigOf<T>,
  inputs: NdArray[],
): Promise<string[]> {
  const model = twice(LayerType, config, inputs);
  const loaded = await tfl.loadLayersModel(tf.io.fromMemory(await savedArtifacts(model)));
  const predict = (of: tfl.LayersModel) =>
    tidied(() => asList(of.predictOnBatch(onlyOrAll(inputs.map(toTensor)))).map(toArray));
  const failures = differences('of the loaded model', predict(loaded), predict(model));
  const names = (of: tfl.LayersModel) => of.weights.map(({ originalName }) => originalName).join();
  if (names(loaded) !== names(model)) {
    failures.push(`weights of the loaded model: ${names(loaded)}, but were ${names(model)}`);
  }
  model.dispose();
  loaded.dispose();
  return failures;
}

/** Two layers of the type side by side on the same inputs, with different weights. */
function twice<T extends LayerClass>(
  LayerType: T,
  config: ConfigOf<T>,
  inputs: NdArray[],
): tfl.LayersModel {
  const symbols = symbolicInputs(inputs);
  const outputs = ['first', 'second'].flatMap((name) => {
    const layer = new LayerType({ ...(config as object), name } as never);
    return asList(layer.apply(onlyOrAll(symbols))) as tfl.SymbolicTensor[];
  });
  const model = tfl.model({ inputs: symbols, outputs });
  randomizeWeights(model);
  return model;
}

/** Where outputs are not the same to the last bit. */
function differences(whose: string, actual: NdArray[], expected: NdArray[]): string[] {
  return failuresOf(expected.map((y, i) => compare(`output ${i} ${whose}`, actual[i]!, y, 0)));
}

function readWeight(weight: tfl.LayerVariable): NdArray {
  return toArray(weight.read());
}

function formatShapes(shapes: Shape[]): string {
  return shapes.map((shape) => `[${formatShape(shape)}]`).join(' ');
}
