import { describe, expect, it } from 'vitest';
import {
  classNamesOf,
  type DataType,
  dataTypes,
  exponentialDecay,
  isDataType,
  recipeOf,
} from '../../src/training/index.js';

describe('recipeOf', () => {
  const aspect = [0.3, 3.3];
  it.each([
    ['RAF-DB', 2e-5, 64, 300, { probability: 0.5, area: [0.02, 0.1], aspect }],
    ['AffectNet-7', 0.8e-6, 144, 100, { probability: 1, area: [0.05, 0.05], aspect }],
    ['AffectNet-8', 1e-6, 144, 100, { probability: 1, area: [0.05, 0.05], aspect }],
  ] as [DataType, number, number, number, object][])(
    'is the published one for %s',
    (dataType, learningRate, batchSize, epochs, erasing) => {
      expect(recipeOf(dataType, 'full')).toEqual({
        learningRate,
        batchSize,
        epochs,
        schedule: 'exponential',
        decay: 0.98,
        warmupEpochs: 0,
        optimizer: 'adam',
        weightDecay: 0,
        clipNorm: 0,
        labelSmoothing: 0,
        classWeights: 'none',
        samAdaptive: false,
        microBatch: 8,
        augmentation: { flip: 0.5, erasing },
        samRho: 0.05,
        classBalanced: dataType !== 'RAF-DB',
      });
      const tiny = recipeOf(dataType, 'tiny');
      expect(tiny).toMatchObject({ augmentation: { flip: 0.5 }, samRho: 0, classBalanced: false });
      expect(tiny.learningRate).toBeGreaterThan(learningRate);
    },
  );
});

describe('exponentialDecay', () => {
  it('is initial · γ^epoch, from epoch 0 on', () => {
    expect(exponentialDecay(2e-5, 0)).toBe(2e-5);
    expect(exponentialDecay(1, 2)).toBeCloseTo(0.9604, 12);
    expect(exponentialDecay(8, 3, 0.5)).toBe(1);
  });
});

describe('data types', () => {
  it('have 7 or 8 classes, each once', () => {
    for (const [dataType, count] of [
      ['RAF-DB', 7],
      ['AffectNet-7', 7],
      ['AffectNet-8', 8],
    ] as const) {
      expect(new Set(classNamesOf(dataType)).size).toBe(count);
    }
    expect([...dataTypes['AffectNet-8']].slice(0, 7)).toEqual(dataTypes['AffectNet-7']);
  });

  it('know their names', () => {
    expect(isDataType('RAF-DB')).toBe(true);
    for (const name of ['raf-db', 'FER2013', 'toString', '']) expect(isDataType(name)).toBe(false);
  });
});
