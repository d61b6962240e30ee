import { describe, expect, it } from 'vitest';
import { btnConfig, type Preset } from '../../src/models/index.js';

describe('btnConfig', () => {
  it.each(['full', 'tiny'] as Preset[])('gives plain data (%s)', (preset) => {
    const config = btnConfig(preset, { numClasses: 7, seed: 3 });
    expect(JSON.parse(JSON.stringify(config))).toStrictEqual(config);
    expect(config).toMatchObject({
      numClasses: 7,
      seed: 3,
      multiLevelAttention: {},
      batchTransformer: {},
    });
  });

  it('has the sizes of the paper', () => {
    expect(btnConfig('full', { numClasses: 8 })).toMatchObject({
      numClasses: 8,
      inputSize: 224,
      backboneSize: 112,
      image: { mode: 'ir', widths: [64, 128, 256], depths: [3, 4, 14] },
      landmarks: {
        widths: [64, 128, 512],
        depths: [4, 6, 2],
        trainable: false,
        frozenStatistics: 'running',
      },
      fusion: { numHeads: [2, 4, 8], dropPath: [0, 0.125, 0.25], layerScale: 1e-5 },
      classifier: { width: 768, depth: 2, numHeads: 8 },
      multiLevelAttention: {},
      batchTransformer: {},
    });
  });

  it('hands options on, and false', () => {
    const config = btnConfig('tiny', {
      numClasses: 2,
      multiLevelAttention: { numHeads: 4 },
      batchTransformer: false,
    });
    expect(config.multiLevelAttention).toEqual({ numHeads: 4 });
    expect(config.batchTransformer).toBe(false);
  });

  it('gives a copy each time', () => {
    const first = btnConfig('full', { numClasses: 7 });
    first.image.widths[0] = 1;
    first.fusion.dropPath[2] = 1;
    const second = btnConfig('full', { numClasses: 7 });
    expect(second.image.widths[0]).toBe(64);
    expect(second.fusion.dropPath[2]).toBe(0.25);
  });

  it.each([1, 0, -7, 2.5, Number.NaN])('names %f classes', (numClasses) => {
    const make = () => btnConfig('full', { numClasses });
    expect(make).toThrow(`numClasses must be an integer from 2 on, not ${numClasses}`);
  });

  it.each(['huge', 'toString'])('names the preset %s, which there is none of', (preset) => {
    const make = () => btnConfig(preset as Preset, { numClasses: 7 });
    expect(make).toThrow(`preset must be 'full' or 'tiny', not '${preset}'`);
  });
});
