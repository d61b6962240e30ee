/** What every layer must do, whatever it computes. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { weightName } from '../../src/layers/weight_name.js';
import { asList, type NdArray, randomArray, toArray, toTensor } from '../../src/testing/arrays.js';
import {
  buildLayer,
  type ConfigOf,
  callEagerly,
  checkLayer,
  type LayerClass,
  randomizeWeights,
  savedArtifacts,
} from '../../src/testing/check_layer.js';
import { describeBackends } from './backends.js';
import { expectClose } from './gradient_check.js';

export { randomizeWeights, savedArtifacts };

type Layer = tfl.layers.Layer;

export interface Expectations {
  /** Number of values in trainable weights and, if there are any, in others. */
  parameters: { trainable: number; other?: number };
  /** Outputs in inference from inputs and `getWeights()`; all layers have one. */
  reference: (inputs: NdArray[], weights: NdArray[]) => NdArray | NdArray[];
  /** Largest relative error of an output. Default 1e-5. */
  tolerance?: number;
  /** Indices of inputs that get no gradient, such as masks. */
  constants?: number[];
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
  describe(title, () => {
    it('is registered under its class name, which no Keras layer has', () => {
      const { classNameMap } = tf.serialization.SerializationMap.getMap();
      expect(classNameMap[className]![0]).toBe(LayerType);
      const ofKeras = Object.keys(tfl.layers).map((name) => name.toLowerCase());
      expect(ofKeras).not.toContain(className.toLowerCase());
    });
  });

  describeBackends(title, () => {
    it('keeps the contract of layers, and computes what its definition says', async () => {
      const { reference, tolerance, constants } = expectations;
      const options = { reference, constants, outputTolerance: tolerance };
      const { failures } = await checkLayer(LayerType, config, inputs, options);
      expect(failures).toEqual([]);
    });

    it('leaves the size of the batch open', () => {
      const { layer, outputs } = buildLayer(LayerType, config, inputs);
      for (const { shape } of outputs) expect(shape).toContain(null);
      layer.dispose();
    });

    it('is built by an eager call too', () => {
      const layer = new LayerType(config as never);
      const results = callEagerly(layer, inputs);
      const weights = layer.getWeights().map(toArray);
      expectClose(results, expectations.reference(inputs, weights), expectations.tolerance);
      layer.dispose();
    });

    it('has so many weights', () => {
      const { layer } = buildLayer(LayerType, config, inputs);
      const count = (list: tfl.LayerVariable[]) =>
        list.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]), 0);
      expect(count(layer.trainableWeights)).toBe(expectations.parameters.trainable);
      expect(count(layer.nonTrainableWeights)).toBe(expectations.parameters.other ?? 0);
      expect(layer.countParams()).toBe(
        expectations.parameters.trainable + (expectations.parameters.other ?? 0),
      );
      layer.trainable = false;
      expect(layer.trainableWeights).toEqual([]);
      layer.dispose();
    });

    it('changes all its trainable weights in a step, and no others', () => {
      const { layer } = buildLayer(LayerType, config, inputs);
      const before = layer.weights.map((weight) => toArray(weight.read()));
      const gradients = gradientsOfWeights(layer, inputs);
      layer.weights.forEach((weight, i) => {
        const name = weightName(layer, weight);
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

/** Frees the weights of a layer that was built by hand: only a layer that was applied can `dispose`. */
export function disposeWeights(layer: Layer): void {
  for (const weight of layer.weights) weight.dispose();
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
      result[weightName(layer, weight)] = toArray(grads[variables[i]!.name]!);
    });
  });
  return result;
}

function isDeepEqual(a: NdArray, b: NdArray): boolean {
  return a.data.every((value, i) => value === b.data[i]);
}
