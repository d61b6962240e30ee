import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import {
  BtnBatchNorm,
  BtnConv2D,
  BtnDepthwiseConv2D,
  BtnPReLU,
  DropPath,
  LandmarkAttention,
} from '../../src/index.js';
import { btn, btnConfig, ir50, optimizeForInference } from '../../src/models/index.js';
import { asList, randomArray, tidied, toTensor } from '../support/arrays.js';
import { describeBackends, expectNoLeaks, useBackend } from '../support/backends.js';
import { goldenImages } from '../support/golden_networks.js';
import { difference, magnitude, setFormulaWeights } from '../support/goldens.js';
import { randomizeWeights, savedArtifacts } from '../support/layer_contract.js';
import { smallConfig } from './small_config.js';

type Node = tfl.SymbolicTensor;
const apply = (layer: tfl.layers.Layer, ...inputs: Node[]) =>
  layer.apply(inputs.length === 1 ? inputs[0]! : inputs) as Node;

const shapeOf = ({ shape }: Node) => shape.map((size) => size ?? 2);

/** What a model makes of random inputs, the same ones for models of the same inputs. */
function outputsOf(model: tfl.LayersModel): Float32Array[] {
  return tidied(() => {
    const inputs = model.inputs.map((input, i) => toTensor(randomArray(shapeOf(input), i)));
    const outputs = asList(model.predictOnBatch(inputs.length === 1 ? inputs[0]! : inputs));
    return outputs.map((output) => Float32Array.from(output.dataSync()));
  });
}

/** Largest difference of any output, over its largest magnitude. */
function errorOf(actual: Float32Array[], expected: Float32Array[]): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(
    ...expected.map((values, i) => difference(actual[i]!, values) / magnitude(values)),
  );
}

const classNames = (model: tfl.LayersModel) =>
  model.layers.map((layer) => layer.getClassName()).filter((name) => name !== 'InputLayer');

/** Checks that the optimized model computes the same. @returns the kinds of its layers. */
function expectSame(model: tfl.LayersModel): string[] {
  randomizeWeights(model);
  const before = model.getWeights().map((weight) => weight.dataSync().slice());
  const fast = optimizeForInference(model);
  expect(fast.outputNames).toEqual(model.outputNames);
  expect(errorOf(outputsOf(fast), outputsOf(model))).toBeLessThan(1e-5);
  expect(model.getWeights().map((weight) => weight.dataSync())).toEqual(before);
  // Not by model.dispose, which leaves layers that were applied twice.
  for (const weight of [...model.weights, ...fast.weights]) weight.dispose();
  return classNames(fast);
}

const image = () => tfl.input({ shape: [6, 5, 4] });
const conv = (config: object = {}) =>
  new BtnConv2D({ filters: 4, kernelSize: 3, padding: 1, seed: 1, ...config });

describeBackends('optimizeForInference', () => {
  it.each([true, false])('folds normalisation and PReLU into a convolution, bias %s', (useBias) => {
    const inputs = image();
    const norm = apply(new BtnBatchNorm(), apply(conv({ useBias, strides: 2 }), inputs));
    const outputs = apply(new BtnPReLU({ name: 'out' }), norm);
    expect(expectSame(tfl.model({ inputs, outputs }))).toEqual(['BtnConv2D']);
  });

  it('folds either alone, into a depthwise convolution too', () => {
    const inputs = image();
    const depthwise = new BtnDepthwiseConv2D({ kernelSize: 3, padding: 1, seed: 1 });
    const outputs = [
      apply(new BtnBatchNorm(), apply(depthwise, inputs)),
      apply(new BtnPReLU(), apply(conv(), inputs)),
    ];
    const kinds = expectSame(tfl.model({ inputs, outputs }));
    expect(kinds.sort()).toEqual(['BtnConv2D', 'BtnDepthwiseConv2D']);
  });

  it('leaves the borders of a padded convolution behind a normalisation as they are', () => {
    const inputs = image();
    const outputs = apply(conv(), apply(new BtnBatchNorm(), inputs));
    const kinds = expectSame(tfl.model({ inputs, outputs }));
    expect(kinds).toEqual(['BtnDepthwiseConv2D', 'BtnConv2D']);
  });

  it('keeps what is read by others, shared or of another rank', () => {
    const inputs = image();
    const seen = apply(conv(), inputs);
    const shared = new BtnBatchNorm();
    const twice = apply(shared, apply(shared, apply(conv(), inputs)));
    const flat = apply(tfl.layers.flatten(), inputs);
    const outputs = [seen, apply(new BtnBatchNorm(), seen), twice, apply(new BtnBatchNorm(), flat)];
    const kinds = expectSame(tfl.model({ inputs, outputs }));
    expect(kinds.filter((kind) => kind === 'BtnBatchNorm')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'BtnConv2D')).toHaveLength(2);
  });

  it('looks up the bias of landmark attention, and leaves out what does nothing', () => {
    const inputs = [tfl.input({ shape: [9, 4] }), tfl.input({ shape: [9, 4] })];
    const attention = new LandmarkAttention({ name: 'attention', numHeads: 2, seed: 1 });
    const dropped = apply(new DropPath({ rate: 0.5 }), apply(attention, ...inputs));
    const outputs = apply(tfl.layers.add(), dropped, inputs[0]!);
    const model = tfl.model({ inputs, outputs });
    const fast = optimizeForInference(model);
    expect(fast.getLayer('attention').getConfig()).toMatchObject({ biasBy: 'pair' });
    fast.dispose();
    expect(expectSame(model)).toEqual(['LandmarkAttention', 'Add']);
  });

  it('copies layers of TensorFlow.js, and models that are layers', () => {
    const inner = tfl.sequential({ layers: [tfl.layers.dense({ units: 3, inputShape: [4] })] });
    const inputs = tfl.input({ shape: [5, 4] });
    const each = tfl.layers.timeDistributed({ layer: tfl.layers.dense({ units: 4 }) });
    const flat = apply(tfl.layers.globalAveragePooling1d({}), apply(each, inputs));
    const outputs = apply(inner, apply(tfl.layers.dropout({ rate: 0.5 }), flat));
    const kinds = expectSame(tfl.model({ inputs, outputs }));
    expect(kinds).toEqual(['TimeDistributed', 'GlobalAveragePooling1D', 'Sequential']);
  });

  it('computes a network as before, and so does the network that was saved and loaded', async () => {
    const model = btn(smallConfig());
    await setFormulaWeights(model);
    const expected = outputsOf(model);
    const fast = optimizeForInference(model);
    expect(fast.layers.length).toBeLessThan(0.75 * model.layers.length);
    const actual = outputsOf(fast);
    expect(errorOf(actual, expected)).toBeLessThan(1e-4);
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(await savedArtifacts(fast)));
    expect(outputsOf(loaded)).toEqual(actual);
    model.dispose();
    fast.dispose();
    loaded.dispose();
  });
});

describe('optimizeForInference of networks', () => {
  useBackend('wasm');
  expectNoLeaks();

  it('gives the logits of the tiny BTN without the parts that need the batch', async () => {
    const config = btnConfig('tiny', { numClasses: 7 });
    const model = btn(config);
    await setFormulaWeights(model);
    const fast = optimizeForInference(model, { outputs: ['vit'] });
    expect(fast.outputNames).toEqual(['vit']);
    const names = fast.layers.map(({ name }) => name);
    expect(names.filter((name) => /^(cba|bt|class_query|class_key|level3$)/.test(name))).toEqual(
      [],
    );
    expect(classNames(fast)).not.toContain('BtnBatchNorm');
    const [actual, expected] = [fast, model].map((each) =>
      tidied(() =>
        Float32Array.from(asList(each.predictOnBatch(goldenImages(3, config)))[0]!.dataSync()),
      ),
    ) as [Float32Array, Float32Array];
    expect(errorOf([actual], [expected])).toBeLessThan(1e-4);
    model.dispose();
    fast.dispose();
  });

  it('does not depend on the model that it was made from', () => {
    const model = btn(smallConfig({ batchTransformer: false }));
    const fast = optimizeForInference(model);
    const before = outputsOf(fast);
    randomizeWeights(model);
    expect(outputsOf(fast)).toEqual(before);
    model.dispose();
    expect(outputsOf(fast)).toEqual(before);
    fast.dispose();
  });

  it('leaves an optimized model as it is', () => {
    const model = ir50({ mode: 'irSe', widths: [16, 16, 16], depths: [2, 1, 1], seed: 1 });
    const fast = optimizeForInference(model);
    expect(expectSame(model)).toEqual(classNames(fast));
    expect(expectSame(fast)).not.toContain('BtnPReLU');
  });

  it('names the outputs when one is unknown', () => {
    const model = btn(smallConfig());
    expect(() => optimizeForInference(model, { outputs: ['logits'] })).toThrow(
      "optimizeForInference: the outputs are vit, bt, cba, not 'logits'",
    );
    model.dispose();
  });
});
