import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { SqueezeExcite } from '../../src/index.js';
import { ir50, mobileFaceNet } from '../../src/models/index.js';
import { expectNoLeaks, useBackend } from '../support/backends.js';

const sizes = (weights: LayersModel['weights']) =>
  weights.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]), 0);

const outputShapes = (model: LayersModel) => model.outputs.map(({ shape }) => shape);

/** Weights of a batch normalisation that are not trained: two per channel. */
const statistics = (model: LayersModel) =>
  sizes(model.weights.filter(({ originalName }) => /moving/.test(originalName)));

describe('ir50', () => {
  useBackend('wasm');
  expectNoLeaks();

  it('has 17,611,968 trainable weights and three maps', () => {
    const model = ir50();
    expect(sizes(model.trainableWeights)).toBe(17_611_968);
    expect(model.countParams()).toBe(17_611_968 + statistics(model));
    expect(outputShapes(model)).toEqual([
      [null, 56, 56, 64],
      [null, 28, 28, 128],
      [null, 14, 14, 256],
    ]);
    const names = model.layers.map(({ name }) => name);
    const count = (stage: string) =>
      names.filter((name) => name.endsWith('.sum') && name.includes(stage));
    expect(['body1', 'body2', 'body3'].map((stage) => count(stage).length)).toEqual([3, 4, 14]);
    model.dispose();
  });

  it('is named by the paths of the PyTorch network', () => {
    const model = ir50({ widths: [4, 8, 8], depths: [2, 1, 1], seed: 1 });
    const names = model.layers.map(({ name }) => name);
    for (const name of [
      'ir_back.input_layer.0',
      'ir_back.input_layer.1',
      'ir_back.input_layer.2',
      'ir_back.body1.0.res_layer.0',
      'ir_back.body1.1.res_layer.4',
      'ir_back.body2.0.shortcut_layer.0',
      'ir_back.body2.0.shortcut_layer.1',
      'ir_back.body3.0.res_layer.3',
    ]) {
      expect(names).toContain(name);
    }
    // As many channels as before: every second pixel, no convolution.
    expect(model.getLayer('ir_back.body1.0.shortcut_layer').weights).toEqual([]);
    expect(model.getLayer('ir_back.body3.0.shortcut_layer').weights).toEqual([]);
    expect(model.outputNames).toHaveLength(3);
    model.dispose();
  });

  it('adds a gate to each residual in mode irSe', () => {
    const config = { widths: [16, 16, 32], depths: [1, 1, 2] } as {
      widths: [number, number, number];
      depths: [number, number, number];
    };
    const [plain, gated] = [ir50(config), ir50({ ...config, mode: 'irSe' })];
    const gates = gated.layers.filter((layer) => layer instanceof SqueezeExcite);
    expect(gates.map(({ name }) => name)).toEqual([
      'ir_back.body1.0.res_layer.5',
      'ir_back.body2.0.res_layer.5',
      'ir_back.body3.0.res_layer.5',
      'ir_back.body3.1.res_layer.5',
    ]);
    // Two projections to a sixteenth and back: 2·16·1 twice and 2·32·2 twice.
    expect(gated.countParams() - plain.countParams()).toBe(2 * 32 + 2 * 128);
    tf.tidy(() => {
      const maps = gated.apply(tf.ones([1, 112, 112, 3])) as tf.Tensor[];
      expect(maps.map(({ shape }) => shape)).toEqual([
        [1, 56, 56, 16],
        [1, 28, 28, 16],
        [1, 14, 14, 32],
      ]);
    });
    plain.dispose();
    gated.dispose();
  });
});

describe('mobileFaceNet', () => {
  useBackend('wasm');
  expectNoLeaks();

  it('has 911,232 weights, three maps, and is frozen', () => {
    const model = mobileFaceNet();
    expect(model.trainableWeights).toEqual([]);
    expect(model.countParams() - statistics(model)).toBe(911_232);
    expect(outputShapes(model)).toEqual([
      [null, 28, 28, 64],
      [null, 14, 14, 128],
      [null, 7, 7, 512],
    ]);
    model.dispose();
  });

  it('learns where it is told to, all but its statistics', () => {
    const model = mobileFaceNet({ trainable: true });
    expect(sizes(model.trainableWeights)).toBe(911_232);
    model.dispose();
  });

  it('is named by the paths of the PyTorch network', () => {
    const model = mobileFaceNet({ widths: [4, 8, 16], depths: [1, 1, 1] });
    const names = model.layers.map(({ name }) => name);
    for (const name of [
      'face_landback.conv1.conv',
      'face_landback.conv2_dw.conv',
      'face_landback.conv_23.conv_dw.conv',
      'face_landback.conv_3.model.0.project.bn',
      'face_landback.conv_6_sep.prelu',
    ]) {
      expect(names).toContain(name);
    }
    model.dispose();
  });
});
