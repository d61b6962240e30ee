import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { BtnConv2D, BtnDepthwiseConv2D } from '../../src/index.js';
import { type BtnConfig, btn, btnConfig } from '../../src/models/index.js';
import { asList, randomArray, tidied, toArray, toTensor } from '../support/arrays.js';
import { describeBackends, expectNoLeaks, startBackend, useBackend } from '../support/backends.js';
import { expectClose } from '../support/gradient_check.js';
import { randomizeWeights, savedArtifacts } from '../support/layer_contract.js';
import { add, type NdArray, ndArray } from '../support/reference/index.js';
import { smallConfig } from './small_config.js';

/** Weights that take part: all but the running statistics, frozen ones included. */
function countWeights(model: tfl.LayersModel): number {
  return model.weights
    .filter(({ originalName }) => !/moving(Mean|Variance)$/.test(originalName))
    .reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]), 0);
}

function outputsOf(model: tfl.LayersModel): Record<string, (number | null)[]> {
  return Object.fromEntries(model.outputNames.map((name, i) => [name, model.outputs[i]!.shape]));
}

function predict(model: tfl.LayersModel, images: NdArray, kwargs = {}): NdArray[] {
  return tidied(() => asList(model.apply(toTensor(images), kwargs) as tf.Tensor).map(toArray));
}

function imagesOf({ inputSize }: BtnConfig, batch: number, seed = 1): NdArray {
  return randomArray([batch, inputSize, inputSize, 3], seed);
}

const rows = (x: NdArray, begin: number, count: number) => {
  const perSample = x.data.length / x.shape[0]!;
  const values = x.data.slice(begin * perSample, (begin + count) * perSample);
  return ndArray([count, ...x.shape.slice(1)], values);
};

describe('btn from zeros', () => {
  useBackend('cpu');
  expectNoLeaks();

  it('has random weights in the other layers alone, parts of layers included', () => {
    const config = smallConfig({ seed: 3 });
    const plain = btn(config);
    const fromZeros = btn(config, { startsFromZeros: (name) => name !== 'mla' });
    expect(fromZeros.weights.map((weight) => weight.originalName)).toEqual(
      plain.weights.map((weight) => weight.originalName),
    );
    fromZeros.weights.forEach((weight, i) => {
      const isKept = weight.originalName.startsWith('mla/');
      const expected = plain.weights[i]!.read().dataSync();
      const values = weight.read().dataSync();
      expect(values, weight.originalName).toEqual(isKept ? expected : expected.map(() => 0));
    });
    plain.dispose();
    fromZeros.dispose();
  });

  it('ends with the network: the next one has its weights', () => {
    const config = smallConfig({ seed: 3 });
    const failing = () => btn({ ...config, inputSize: 50 }, { startsFromZeros: () => true });
    expect(failing).toThrow(/inputSize must be/);
    const model = btn(config);
    const [kernel] = model.getLayer('conv1').getWeights();
    expect(kernel!.dataSync().some((value) => value !== 0)).toBe(true);
    model.dispose();
  });
});

describe('btn at full size', () => {
  useBackend('wasm');
  expectNoLeaks();

  it('has 45,058,787 weights for 7 classes, and the landmark network is frozen', () => {
    const model = btn(btnConfig('full', { numClasses: 7 }));
    expect(countWeights(model)).toBe(45_058_787);
    expect(outputsOf(model)).toEqual({ vit: [null, 7], bt: [null, 7], cba: [null, 7] });
    expect(model.outputNames).toEqual(['vit', 'bt', 'cba']);
    expect(model.inputs.map(({ shape }) => shape)).toEqual([[null, 224, 224, 3]]);
    const trainable = model.trainableWeights.reduce(
      (sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]),
      0,
    );
    expect(trainable).toBe(45_058_787 - 911_232);
    const moving = model.trainableWeights.filter(({ originalName }) => /moving/.test(originalName));
    expect(moving).toEqual([]);
    expect(model.trainableWeights.some((w) => w.originalName.startsWith('face_landback'))).toBe(
      false,
    );
    model.dispose();
  });

  it('is POSTER V2 with 43,753,941 weights when it has neither multi-level nor batch attention', () => {
    const options = { numClasses: 7, multiLevelAttention: false, batchTransformer: false };
    const model = btn(btnConfig('full', options));
    expect(countWeights(model)).toBe(43_753_941);
    expect(outputsOf(model)).toEqual({ vit: [null, 7] });
    model.dispose();
  });

  it('takes 112 pixels and 8 classes', () => {
    const model = btn({ ...btnConfig('full', { numClasses: 8 }), inputSize: 112 });
    expect(outputsOf(model)).toEqual({ vit: [null, 8], bt: [null, 8], cba: [null, 8] });
    expect(model.inputs.map(({ shape }) => shape)).toEqual([[null, 112, 112, 3]]);
    // One more class: the classifier's and both class maps' 768 weights and a bias.
    expect(countWeights(model)).toBe(45_058_787 + 3 * 769);
    const shapeOf = (name: string) => (model.getLayer(name).output as tfl.SymbolicTensor).shape;
    expect(shapeOf('tokens')).toEqual([null, 147, 768]);
    expect(shapeOf('VIT.cls_token')).toEqual([null, 148, 768]);
    expect(shapeOf('level3')).toEqual([null, 49, 768]);
    expect(shapeOf('class_query.map')).toEqual([null, 8, 49]);
    model.dispose();
  });
});

describe('btn', () => {
  it('gives on wasm what it gives on cpu, to 1e-4', async () => {
    const config = btnConfig('tiny', { numClasses: 7, seed: 3 });
    const images = imagesOf(config, 2);
    const results: NdArray[][] = [];
    for (const backend of ['cpu', 'wasm'] as const) {
      await startBackend(backend);
      const model = btn(config);
      results.push(predict(model, images));
      model.dispose();
    }
    expectClose(results[1]!, results[0]!, 1e-4);
  });
});

describeBackends('btn', () => {
  it('adds the logits to the batch attention: bt = cba + vit', () => {
    const model = btn(smallConfig());
    const [vit, bt, cba] = predict(model, imagesOf(smallConfig(), 3));
    expect(bt!.data).toEqual(add(cba!, vit!).data.map(Math.fround));
    expect(cba).not.toEqual(vit);
    model.dispose();
  });

  it('gives vit of an image alone, whatever shares its batch; bt and cba depend on it', () => {
    const config = smallConfig();
    const model = btn(config);
    randomizeWeights(model);
    const images = imagesOf(config, 3);
    const [vit, bt] = predict(model, images);
    const differences = [0, 1, 2].map((i) => {
      const [alone, btAlone, cbaAlone] = predict(model, rows(images, i, 1));
      // The same sums in another order.
      expectClose([alone!], rows(vit!, i, 1), 1e-5);
      expect(cbaAlone).toEqual(alone);
      const together = rows(bt!, i, 1).data;
      return Math.max(...btAlone!.data.map((v, j) => Math.abs(v - together[j]!)));
    });
    expect(Math.max(...differences)).toBeGreaterThan(1e-3);
    model.dispose();
  });

  it('runs each backbone once in a forward pass, and class batch attention once', async () => {
    const config = smallConfig();
    const model = btn(config);
    const images = toTensor(imagesOf(config, 2));
    const { kernels } = await tf.profile(() => tf.tidy(() => void model.apply(images)));
    const countKernels = (pattern: RegExp) =>
      kernels.filter(({ name }) => pattern.test(name)).length;
    const countLayers = (type: typeof BtnConv2D | typeof BtnDepthwiseConv2D) =>
      model.layers.filter((layer) => layer instanceof type).length;
    expect(countKernels(/^(Fused)?Conv2D$/)).toBe(countLayers(BtnConv2D));
    expect(countKernels(/DepthwiseConv2d/)).toBe(countLayers(BtnDepthwiseConv2D));
    expect(countKernels(/^ClassBatchAttention$/)).toBe(1);
    images.dispose();
    model.dispose();
  });

  it('has the same weights for the same seed, others for another', () => {
    const weights = (seed: number) => {
      const model = btn(smallConfig({ seed }));
      const arrays = model.getWeights().map(toArray);
      model.dispose();
      return arrays;
    };
    const first = weights(1);
    expect(weights(1)).toEqual(first);
    const other = weights(2);
    // Those that start from 0 or 1 are the same; no random one is.
    const isRandom = ({ data }: NdArray) => data.some((v) => v !== data[0]);
    for (const [i, weight] of first.entries()) {
      if (isRandom(weight)) expect(other[i]).not.toEqual(weight);
    }
    expect(first.filter(isRandom).length).toBeGreaterThan(40);
    // No two layers share a seed: equal kernels would be a sign of it.
    const seen = first.filter(isRandom).map(({ data }) => data.slice(0, 4).join());
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('leaves out what its configuration leaves out', () => {
    const layersOf = (options: Parameters<typeof smallConfig>[0]) => {
      const model = btn(smallConfig(options));
      const names = model.layers.map(({ name }) => name);
      const outputs = model.outputNames;
      model.dispose();
      return { names, outputs };
    };
    const noMla = layersOf({ multiLevelAttention: false });
    expect(noMla.names).not.toContain('mla');
    expect(noMla.outputs).toEqual(['vit', 'bt', 'cba']);
    const noBatch = layersOf({ batchTransformer: false });
    expect(noBatch.names).toContain('mla');
    expect(noBatch.names.filter((name) => /class_|cba|bt|level3$/.test(name))).toEqual([]);
    expect(noBatch.outputs).toEqual(['vit']);
  });

  it('hands its options to the layers', () => {
    const model = btn(
      smallConfig({
        multiLevelAttention: { numHeads: 2, valueProjection: true, positionEmbedding: false },
        batchTransformer: { encoding: 'learned', scale: 0.5 },
      }),
    );
    const configOf = (name: string) => model.getLayer(name).getConfig();
    expect(configOf('mla')).toMatchObject({ numHeads: 2, valueProjection: true });
    expect(model.getLayer('mla').weights).toHaveLength(6);
    expect(configOf('cba')).toMatchObject({ encoding: 'learned', scale: 0.5 });
    expect(configOf('ffn3.drop_path1')).toMatchObject({ rate: 0 });
    model.dispose();
  });

  it('gives the same outputs after saving and loading', async () => {
    const config = smallConfig();
    const model = btn(config);
    randomizeWeights(model);
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(await savedArtifacts(model)));
    expect(loaded.outputNames).toEqual(model.outputNames);
    expect(loaded.trainableWeights.length).toBe(model.trainableWeights.length);
    const images = imagesOf(config, 2);
    expect(predict(loaded, images)).toEqual(predict(model, images));
    model.dispose();
    loaded.dispose();
  });

  it('keeps a frozen landmark network as it is while the rest trains', () => {
    const config = smallConfig();
    for (const frozenStatistics of ['running', 'batch'] as const) {
      const model = btn({
        ...config,
        landmarks: { ...config.landmarks, trainable: false, frozenStatistics },
      });
      const read = (kind: RegExp) =>
        model.weights.filter((w) => kind.test(w.originalName)).map((w) => toArray(w.read()));
      const [landmarks, image] = [/face_landback.*moving/, /ir_back.*moving/];
      const before = [read(landmarks), read(image)];
      predict(model, imagesOf(config, 2), { training: true });
      if (frozenStatistics === 'running') expect(read(landmarks)).toEqual(before[0]);
      else expect(read(landmarks)).not.toEqual(before[0]);
      expect(read(image)).not.toEqual(before[1]);
      model.dispose();
    }
  });

  it('repeats its random masks for a seed', () => {
    const config = smallConfig({ multiLevelAttention: { numHeads: 2, dropout: 0.5 } });
    config.fusion = { ...config.fusion, dropPath: [0.5, 0.5, 0.5], layerScale: 1 };
    const model = btn(config);
    const images = imagesOf(config, 4);
    const [vit] = predict(model, images, { training: true, seed: 5 });
    expect(predict(model, images, { training: true, seed: 5 })[0]).toEqual(vit);
    expect(predict(model, images, { training: true, seed: 6 })[0]).not.toEqual(vit);
    model.dispose();
  });
});

describe('errors of btn', () => {
  it('name sizes that do not fit', () => {
    const config = smallConfig();
    const make = (sizes: Partial<BtnConfig>) => () => btn({ ...config, ...sizes });
    expect(make({ backboneSize: 100 })).toThrow('backboneSize must be a multiple of 56, not 100');
    expect(make({ backboneSize: 0 })).toThrow('backboneSize must be a multiple of 56, not 0');
    expect(make({ inputSize: 100 })).toThrow(
      'inputSize must be a multiple of backboneSize 56, not 100',
    );
  });
});
