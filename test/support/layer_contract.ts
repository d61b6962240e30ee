/** What every layer must do, whatever it computes. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { asList, randomArray, tidied, toArray, toTensor } from './arrays.js';
import { describeBackends } from './backends.js';
import { expectClose } from './gradient_check.js';
import { type NdArray, ndArray } from './reference/index.js';

type Layer = tfl.layers.Layer;
type Shape = (number | null)[];

/** A layer's class, whatever configuration it takes. */
export interface LayerClass {
  new (config: never): Layer;
  readonly className: string;
  fromConfig(cls: unknown, config: tf.serialization.ConfigDict): tf.serialization.Serializable;
}

/** The configuration that a layer's class takes. */
export type ConfigOf<T extends LayerClass> = NonNullable<ConstructorParameters<T>[0]>;

export interface Expectations {
  /** Number of values in trainable weights and, if there are any, in others. */
  parameters: { trainable: number; other?: number };
  /** Outputs in inference from inputs and `getWeights()`; all layers have one. */
  reference: (inputs: NdArray[], weights: NdArray[]) => NdArray | NdArray[];
  /** Largest relative error of an output. Default 1e-5. */
  tolerance?: number;
  /** Trainable weights whose gradient vanishes, by name, and why. */
  withoutGradient?: Record<string, string>;
  /** Weights that are not trainable and yet change in a step of training. */
  movingStatistics?: string[];
}

/** A weight's gradient counts as there from here on, and as none below a tenth of it. */
const smallestGradient = 1e-4;

/**
 * Applies one contract to a layer, on each backend.
 *
 * @param inputs One array for each input of the layer; the first axis is the batch.
 */
export function layerContract<T extends LayerClass>(
  LayerType: T,
  config: ConfigOf<T>,
  inputs: NdArray[],
  expectations: Expectations,
): void {
  const { className } = LayerType;
  const title = `${className} ${JSON.stringify(config)}`;
  const batch = inputs[0]!.shape[0]!;
  const shapes = inputs.map(({ shape }) => [...shape]);
  const onlyOrAll = <T>(list: T[]) => (list.length === 1 ? list[0]! : list);

  /** A layer that was built by a call on symbolic inputs, with weights that are all different. */
  const builtLayer = (layer = new LayerType(config as never)) => {
    const outputs = asList(layer.apply(symbolicInputs(inputs))) as tfl.SymbolicTensor[];
    randomizeWeights(layer);
    return { layer, outputs };
  };
  const callEagerly = (layer: Layer, kwargs = {}) => {
    return tidied(() => {
      const outputs = layer.apply(onlyOrAll(inputs.map(toTensor)), kwargs) as tf.Tensor;
      return asList(outputs).map(toArray);
    });
  };

  describe(title, () => {
    it('is registered under its class name, which no Keras layer has', () => {
      const { classNameMap } = tf.serialization.SerializationMap.getMap();
      expect(classNameMap[className]![0]).toBe(LayerType);
      const ofKeras = Object.keys(tfl.layers).map((name) => name.toLowerCase());
      expect(ofKeras).not.toContain(className.toLowerCase());
    });
  });

  describeBackends(title, () => {
    it('has the shapes that it announces, and the outputs of the float64 reference', () => {
      const { layer, outputs } = builtLayer();
      const weights = layer.getWeights().map(toArray);
      const results = callEagerly(layer);
      const announced = outputs.map(({ shape }) => shape);
      for (const shape of announced) expect(shape).toContain(null);
      expect(announced.map((shape) => withBatch(shape, batch))).toEqual(shapesOf(results));
      const known = shapeListOf(layer.computeOutputShape(onlyOrAll(shapes) as Shape));
      expect(known).toEqual(shapesOf(results));
      expectClose(results, expectations.reference(inputs, weights), expectations.tolerance);
      layer.dispose();
    });

    it('is built by an eager call too', () => {
      const layer = new LayerType(config as never);
      const results = callEagerly(layer);
      const weights = layer.getWeights().map(toArray);
      expectClose(results, expectations.reference(inputs, weights), expectations.tolerance);
      layer.dispose();
    });

    it('has so many weights, with names of their own', () => {
      const { layer } = builtLayer();
      const count = (list: tfl.LayerVariable[]) =>
        list.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]), 0);
      expect(count(layer.trainableWeights)).toBe(expectations.parameters.trainable);
      expect(count(layer.nonTrainableWeights)).toBe(expectations.parameters.other ?? 0);
      expect(layer.countParams()).toBe(
        expectations.parameters.trainable + (expectations.parameters.other ?? 0),
      );
      const names = layer.weights.map(({ originalName }) => originalName);
      expect(new Set(names).size).toBe(names.length);
      layer.trainable = false;
      expect(layer.trainableWeights).toEqual([]);
      layer.dispose();
    });

    it('comes back from its configuration', () => {
      const { layer } = builtLayer();
      const saved = layer.getConfig();
      expect(JSON.parse(JSON.stringify(saved))).toStrictEqual(saved);
      for (const key of Object.keys(saved)) expect(key).toMatch(/^[a-z][A-Za-z0-9]*$/);
      for (const [key, value] of Object.entries(config)) expect(saved[key]).toEqual(value);

      const copy = LayerType.fromConfig(LayerType, saved) as Layer;
      copy.apply(symbolicInputs(inputs));
      copy.setWeights(layer.getWeights());
      expect(copy.getConfig()).toEqual(saved);
      expect(callEagerly(copy)).toEqual(callEagerly(layer));
      layer.dispose();
      copy.dispose();
    });

    it('survives saving and loading in a model that has two of it', async () => {
      const model = twice(LayerType, config, inputs);
      const artifacts = await savedArtifacts(model);
      const loaded = await tfl.loadLayersModel(tf.io.fromMemory(artifacts));
      const predict = (of: tfl.LayersModel) => {
        const xs = inputs.map(toTensor);
        const ys = asList(of.predictOnBatch(onlyOrAll(xs)));
        const results = ys.map(toArray);
        tf.dispose([...xs, ...ys]);
        return results;
      };
      expect(predict(loaded)).toEqual(predict(model));
      const weightNames = (of: tfl.LayersModel) =>
        of.weights.map(({ originalName }) => originalName);
      expect(weightNames(loaded)).toEqual(weightNames(model));
      model.dispose();
      loaded.dispose();
    });

    it('changes all its trainable weights in a step, and no others', () => {
      const { layer } = builtLayer();
      const before = layer.weights.map((weight) => toArray(weight.read()));
      const gradients = gradientsOfWeights(layer, inputs);
      layer.weights.forEach((weight, i) => {
        const name = localName(layer, weight);
        const gradient = gradients[name];
        if (gradient) {
          const size = Math.max(...gradient.data.map(Math.abs));
          if (expectations.withoutGradient?.[name]) {
            expect(size, `gradient of ${name}`).toBeLessThan(smallestGradient / 10);
          } else {
            expect(size, `gradient of ${name}`).toBeGreaterThan(smallestGradient);
          }
          return;
        }
        expect(layer.trainableWeights).not.toContain(weight);
        const same = isDeepEqual(toArray(weight.read()), before[i]!);
        const moves = expectations.movingStatistics?.includes(name) ?? false;
        expect(same, `${name} stays`).toBe(!moves);
      });
      layer.dispose();
    });
  });
}

/** A weight's name within its layer, without the name of the layer itself. */
export function localName(layer: Layer, { originalName }: tfl.LayerVariable): string {
  const prefix = `${layer.name}/`;
  return originalName.startsWith(prefix) ? originalName.slice(prefix.length) : originalName;
}

/** Frees the weights of a layer that was built by hand: only a layer that was applied can `dispose`. */
export function disposeWeights(layer: Layer): void {
  for (const weight of layer.weights) weight.dispose();
}

/** Random weights, so that no bias is 0 and no scale 1; variances stay above 0. */
export function randomizeWeights(layer: Layer | tfl.LayersModel, seed = 7): void {
  const values = layer.weights.map((weight, i) => {
    const array = randomArray(weight.shape as number[], seed + i, { scale: 0.5 });
    const positive = /variance/i.test(weight.originalName);
    return toTensor(positive ? ndArray(array.shape, (k) => Math.abs(array.data[k]!) + 0.5) : array);
  });
  layer.weights.forEach((weight, i) => {
    weight.write(values[i]!);
  });
  tf.dispose(values);
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

/** Gradients of a random combination of all outputs, in training, by name of the weight. */
function gradientsOfWeights(layer: Layer, inputs: NdArray[]): Record<string, NdArray> {
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  if (variables.length === 0) return {};
  const result: Record<string, NdArray> = {};
  tf.tidy(() => {
    const xs = inputs.map(toTensor);
    const { grads } = tf.variableGrads(() => {
      const ys = asList(layer.call(xs, { training: true, seed: 3 }));
      const parts = ys.map((y, i) => tf.sum(tf.mul(y, toTensor(randomArray(y.shape, 11 + i)))));
      return tf.addN(parts) as tf.Scalar;
    }, variables);
    layer.trainableWeights.forEach((weight, i) => {
      result[localName(layer, weight)] = toArray(grads[variables[i]!.name]!);
    });
  });
  return result;
}

/** Two layers of the type side by side on the same inputs, with different weights. */
function twice<T extends LayerClass>(
  LayerType: T,
  config: ConfigOf<T>,
  inputs: NdArray[],
): tfl.LayersModel {
  const symbols = asList(symbolicInputs(inputs));
  const outputs = ['first', 'second'].flatMap((name) => {
    const layer = new LayerType({ ...(config as object), name } as never);
    return asList(
      layer.apply(symbols.length === 1 ? symbols[0]! : symbols),
    ) as tfl.SymbolicTensor[];
  });
  const model = tfl.model({ inputs: symbols, outputs });
  randomizeWeights(model);
  return model;
}

function symbolicInputs(inputs: NdArray[]): tfl.SymbolicTensor | tfl.SymbolicTensor[] {
  const symbols = inputs.map(({ shape }) => tfl.input({ shape: shape.slice(1) }));
  return symbols.length === 1 ? symbols[0]! : symbols;
}

function withBatch(shape: Shape, batch: number): Shape {
  return shape.map((size) => size ?? batch);
}

function shapesOf(arrays: NdArray[]): Shape[] {
  return arrays.map(({ shape }) => [...shape]);
}

function shapeListOf(shape: Shape | Shape[]): Shape[] {
  return Array.isArray(shape[0]) ? (shape as Shape[]) : [shape as Shape];
}

function isDeepEqual(a: NdArray, b: NdArray): boolean {
  return a.data.every((value, i) => value === b.data[i]);
}
