/** The tiny BTN against PyTorch: inference, loss, gradients, running statistics, a step of Adam. */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { btn, btnConfig } from '../../src/models/index.js';
import { Adam, btnLoss, forward, trainStep } from '../../src/training/index.js';
import { describeBackends, expectNoLeaks, useBackend } from '../support/backends.js';
import { formulaLabels } from '../support/formula.js';
import { goldenImages, runStages, sampled, stageError } from '../support/golden_networks.js';
import {
  expectWithin,
  Golden,
  gradientsOf,
  groupError,
  magnitude,
  setFormulaWeights,
  stateOf,
  type Values,
} from '../support/goldens.js';
import { isSlow } from '../support/slow.js';

interface About {
  gradientTolerance: number;
  batch: number;
  samples: number;
  learningRate: number;
  /** Of `gradient_norms` and `gradient_maxima`. */
  gradientNames: string[];
  /** Of each normalisation. */
  epsilons: Record<string, number>;
  float32Errors: Record<'logits' | 'loss' | 'gradient' | 'running', number>;
}

const what = 'tiny BTN-7';
const config = btnConfig('tiny', { numClasses: 7 });
const golden = Golden.read<About>('tiny_btn_7');
const { batch, samples, tolerance, gradientTolerance, vanishing, learningRate } = golden.about;
const torch = golden.about.float32Errors;
const maxima = byGradientName('gradient_maxima');

/** Each gradient's largest magnitude or norm. */
function byGradientName(name: string): Map<string, number> {
  const values = golden.values(name);
  return new Map(golden.about.gradientNames.map((key, i) => [key, values[i]!]));
}

async function tinyModel(): Promise<tfl.LayersModel> {
  const model = btn(config);
  await setFormulaWeights(model);
  return model;
}

function makeBatch(): { images: tf.Tensor4D; labels: tf.Tensor1D } {
  const labels = tf.tensor1d(formulaLabels(batch, config.numClasses), 'int32');
  return { images: goldenImages(batch, config), labels };
}

function samplesOf(values: Values, names: Iterable<string>): Values {
  return new Map([...names].map((name) => [name, sampled(name, values.get(name)!, samples)]));
}

describe('the tiny BTN', () => {
  useBackend('wasm');
  expectNoLeaks();

  it("has the ε of PyTorch's normalisations, too small to show in activations of size 1", () => {
    const model = btn(config);
    // A transformer block's own are tested with the block.
    const outsideBlocks = (entries: [string, unknown][]) =>
      Object.fromEntries(entries.filter(([name, e]) => e && !name.startsWith('VIT.blocks.')));
    const found = model.layers.map(({ name }): [string, unknown] => [name, epsilonOf(model, name)]);
    expect(outsideBlocks(found)).toEqual(outsideBlocks(Object.entries(golden.about.epsilons)));
    model.dispose();
  });
});

describeBackends('the tiny BTN agrees with PyTorch', (backend) => {
  const check = (quantity: string, error: number, bar: number, ofTorch?: number) =>
    expectWithin({ what, quantity, backend, error, tolerance: bar, torch: ofTorch });
  const itTrains = it.skipIf(isSlow(backend));

  it('in inference', async () => {
    const model = await tinyModel();
    const stages = runStages(model, config, batch);
    for (const name of model.outputNames) {
      const expected = new Map([[name, golden.values(`logits/${name}`)]]);
      check(name, groupError(stages, expected), tolerance, torch.logits);
      stages.delete(name);
    }
    for (const [name, values] of stages) {
      const [stage, samplesName] = [`stage/${name}/summary`, `stage/${name}/samples`];
      const expected = { summary: golden.values(stage), samples: golden.values(samplesName) };
      check(`stage ${name}`, stageError(name, values, expected), tolerance);
    }
    model.dispose();
  });

  itTrains('in loss, gradients and running statistics', async () => {
    const model = await tinyModel();
    const { images, labels } = makeBatch();
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const { value, grads } = tf.variableGrads(
      () => btnLoss(forward(model, images, { training: true }), labels).total,
      variables,
    );
    const loss = new Map([['loss', value.dataSync() as Float32Array]]);
    const running = golden.group('running');
    const state = samplesOf(await stateOf(model), running.keys());
    const gradients = await gradientsOf(model, grads);
    tf.dispose([images, labels, value, grads]);
    model.dispose();

    const expectedLoss = new Map([['loss', golden.values('loss')]]);
    check('loss', groupError(loss, expectedLoss), tolerance, torch.loss);
    check('running statistics', groupError(state, running), tolerance, torch.running);
    const expected = golden.group('gradient');
    expect([...expected.keys()].sort()).toEqual([...maxima.keys()].sort());
    const found = samplesOf(gradients, expected.keys());
    const error = groupError(found, expected, vanishing, maxima);
    check('gradients', error, gradientTolerance, torch.gradient);
    check('norms of gradients', normError(gradients), gradientTolerance);
  });

  itTrains('in a step of Adam', async () => {
    const model = await tinyModel();
    const data = makeBatch();
    const adam = new Adam();
    await trainStep(model, adam, data, { learningRate });
    const expected = golden.group('parameter');
    const found = samplesOf(await stateOf(model), expected.keys());
    adam.dispose();
    tf.dispose([data.images, data.labels]);
    model.dispose();
    check('step of Adam', stepError(found, expected), gradientTolerance);
  });
});

function epsilonOf(model: tfl.LayersModel, layer: string): unknown {
  return model.getLayer(layer).getConfig().epsilon;
}

/** Of all gradients; one that vanishes is measured by the largest norm. */
function normError(gradients: Values): number {
  const norms = byGradientName('gradient_norms');
  const toValues = (entries: Iterable<[string, number]>) =>
    new Map([...entries].map(([name, norm]) => [name, Float32Array.of(norm)]));
  const found = [...norms.keys()].map((name): [string, number] => [
    name,
    Math.hypot(...gradients.get(name)!),
  ]);
  return groupError(toValues(found), toValues(norms), vanishing);
}

/**
 * The largest difference over the learning rate, which is how far the first step goes. That step is
 * the gradient's sign: it is compared where the gradient is more than a thousandth of its tensor's
 * largest, since the sign of what is only rounding is nobody's.
 */
function stepError(found: Values, expected: Values): number {
  const largest = Math.max(...maxima.values());
  let [worst, compared, all] = [0, 0, 0];
  for (const [name, values] of expected) {
    const size = maxima.get(name)!;
    const gradient = golden.values(`gradient/${name}`);
    expect(magnitude(gradient)).toBeLessThanOrEqual(size);
    all += values.length;
    values.forEach((value, i) => {
      const isRounding = Math.abs(gradient[i]!) <= 1e-3 * size || size <= vanishing * largest;
      if (isRounding) return;
      compared++;
      worst = Math.max(worst, Math.abs(found.get(name)![i]! - value) / learningRate);
    });
  }
  expect(compared / all).toBeGreaterThan(0.9);
  return worst;
}
