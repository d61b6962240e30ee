import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { BatchTransformer, BtnBatchNorm, DropPath } from '../../src/index.js';
import { btn } from '../../src/models/index.js';
import {
  Adam,
  LossNotFiniteError,
  type Optimizer,
  Sam,
  trainStep,
} from '../../src/training/index.js';
import { smallConfig } from '../models/small_config.js';
import { randomArray, toArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectClose } from '../support/gradient_check.js';
import {
  type AdamMoments,
  adamStep,
  crossEntropy,
  linear,
  type NdArray,
  ndArray,
} from '../support/reference/index.js';
import { batchRounding } from '../support/rounding.js';
import { isSlow } from '../support/slow.js';

/** Six images of three classes, each class brighter in a channel of its own. */
function makeBatch(): { images: tf.Tensor4D; labels: tf.Tensor1D } {
  const classes = [0, 1, 2, 0, 1, 2];
  const size = smallConfig().inputSize;
  const noise = randomArray([6, size, size, 3], 1, { scale: 0.5 });
  const perImage = size * size * 3;
  const shifted = ndArray(noise.shape, (i) => {
    const isOwn = i % 3 === classes[Math.floor(i / perImage)];
    return noise.data[i]! + (isOwn ? 1 : 0);
  });
  return { images: toTensor(shifted) as tf.Tensor4D, labels: tf.tensor1d(classes, 'int32') };
}

type Options = Parameters<typeof smallConfig>[0] & { dropPath?: number };

function smallBtn({ dropPath = 0, ...options }: Options = {}): tfl.LayersModel {
  const config = smallConfig(options);
  config.fusion = { ...config.fusion, dropPath: [dropPath, dropPath, dropPath], layerScale: 1 };
  return btn(config);
}

/** Only the head of a BTN, on images of 2 × 2, for slow backends. */
function headOnly({ dropPath = 0, batchTransformer = true }: Options = {}): tfl.LayersModel {
  const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor) =>
    layer.apply(x) as tfl.SymbolicTensor;
  const { inputSize } = smallConfig();
  const input = tfl.input({ shape: [inputSize, inputSize, 3] });
  const dense = (units: number, seed: number, name?: string) => {
    const kernelInitializer = tfl.initializers.leCunNormal({ seed });
    return tfl.layers.dense({ units, kernelInitializer, ...(name && { name }) });
  };
  let x = apply(tfl.layers.averagePooling2d({ poolSize: inputSize / 2 }), input);
  x = apply(dense(8, 1), apply(new BtnBatchNorm(), apply(tfl.layers.flatten(), x)));
  x = apply(new DropPath({ name: 'drop', rate: dropPath }), x);
  const vit = apply(dense(3, 2, 'vit'), x);
  if (!batchTransformer) return tfl.model({ inputs: input, outputs: vit });
  const classMap = (seed: number) =>
    apply(tfl.layers.reshape({ targetShape: [3, 4] }), apply(dense(12, seed), x));
  const [cba] = new BatchTransformer({ name: 'cba' }).apply([classMap(3), classMap(4), vit]) as [
    tfl.SymbolicTensor,
  ];
  const bt = tfl.layers.add({ name: 'bt' }).apply([cba, vit]) as tfl.SymbolicTensor;
  return tfl.model({ inputs: input, outputs: [vit, bt, cba] });
}

const weightsOf = (list: tfl.LayerVariable[]): NdArray[] => list.map((w) => toArray(w.read()));

const norm = (arrays: NdArray[]) => Math.hypot(...arrays.flatMap(({ data }) => [...data]));
const minus = (a: NdArray, b: NdArray) => ndArray(a.shape, (i) => a.data[i]! - b.data[i]!);

/** Norm of the difference over norm. */
function relativeError(actual: NdArray[], expected: NdArray[]): number {
  return norm(expected.map((array, i) => minus(array, actual[i]!))) / norm(expected);
}

/** The same of each weight, of whose norm at least a thousandth of all's counts: some vanish. */
function weightErrors(actual: NdArray[], expected: NdArray[]): number[] {
  const least = 1e-3 * norm(expected);
  return expected.map(
    (array, i) => norm([minus(array, actual[i]!)]) / Math.max(norm([array]), least),
  );
}

describeBackends('trainStep', (backend) => {
  const makeModel = isSlow(backend) ? headOnly : smallBtn;

  it('lowers the loss of a batch, and keeps as many tensors', async () => {
    const model = makeModel();
    const optimizer = new Adam();
    const batch = makeBatch();
    const learningRate = isSlow(backend) ? 0.1 : 3e-3;
    const losses: number[] = [];
    const tensors: number[] = [];
    for (let i = 0; i < 10; i++) {
      const { loss } = await trainStep(model, optimizer, batch, {
        learningRate,
        seed: i + 1,
      });
      losses.push(loss);
      tensors.push(tf.memory().numTensors);
    }
    // Guessing costs ln 3 = 1.1 for each of the three outputs.
    expect(losses[0]).toBeGreaterThan(2);
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
    // The first step creates the moments.
    expect(new Set(tensors.slice(1)).size).toBe(1);
    expect(tensors[1]).toBe(tensors[0]);
    optimizer.dispose();
    model.dispose();
    tf.dispose([batch.images, batch.labels]);
  });

  it('takes the gradient where the loss is largest nearby, with SAM, and leaks nothing', async () => {
    const [plain, sharp] = [makeModel(), makeModel()];
    sharp.setWeights(plain.getWeights());
    const optimizers = [new Adam(), new Sam(new Adam(), { rho: 0.5 })] as const;
    const batch = makeBatch();
    const options = { learningRate: 1e-2, seed: 1 };
    const losses: number[][] = [];
    const tensors: number[] = [];
    for (let i = 0; i < 3; i++) {
      const ofPlain = await trainStep(plain, optimizers[0], batch, options);
      const ofSharp = await trainStep(sharp, optimizers[1], batch, options);
      losses.push([ofPlain.loss, ofSharp.loss]);
      tensors.push(tf.memory().numTensors);
    }
    // Both begin at the same weights: the reported loss is that of the weights, not of their neighbours.
    expect(losses[0]![1]).toBeCloseTo(losses[0]![0]!, 5);
    expect(losses[2]![1]).not.toBeCloseTo(losses[2]![0]!, 5);
    expect(losses[2]![1]).toBeLessThan(losses[0]![1]!);
    expect(tensors[2]).toBe(tensors[1]);
    for (const optimizer of optimizers) optimizer.dispose();
    plain.dispose();
    sharp.dispose();
    tf.dispose([batch.images, batch.labels]);
  });

  it('with SAM, leaves the weights where they were when the second loss is not a number', async () => {
    const model = makeModel();
    const optimizer = new Sam(new Adam(), { rho: 1e30 });
    const batch = makeBatch();
    const before = weightsOf(model.trainableWeights);
    const step = trainStep(model, optimizer, batch, { learningRate: 1e-3, seed: 1 });
    await expect(step).rejects.toThrow(LossNotFiniteError);
    expect(weightsOf(model.trainableWeights)).toEqual(before);
    optimizer.dispose();
    model.dispose();
    tf.dispose([batch.images, batch.labels]);
  });

  it('reports the parts of the loss and the predictions', async () => {
    const model = makeModel();
    const optimizer = new Adam();
    const batch = makeBatch();
    const options = { learningRate: 0, loss: { lambda: 0.25 }, seed: 1 };
    const result = await trainStep(model, optimizer, batch, options);
    const { loss, vitLoss, btLoss, cbaLoss, predictions } = result;
    expect(loss).toBeCloseTo(0.25 * vitLoss + btLoss! + cbaLoss!, 5);
    expect(predictions).toHaveLength(6);
    tf.tidy(() => {
      const [vit, bt, cba] = (model.apply(batch.images, { training: true }) as tf.Tensor[]).map(
        toArray,
      );
      const labels = [...batch.labels.dataSync()];
      expect(vitLoss).toBeCloseTo(crossEntropy(vit!, labels), 4);
      expect(btLoss).toBeCloseTo(crossEntropy(bt!, labels), 4);
      expect(cbaLoss).toBeCloseTo(crossEntropy(cba!, labels), 4);
      const best = labels.map((_, i) => {
        const row = vit!.data.subarray(i * 3, i * 3 + 3);
        return row.indexOf(Math.max(...row));
      });
      expect([...predictions]).toEqual(best);
    });
    optimizer.dispose();
    model.dispose();
    tf.dispose([batch.images, batch.labels]);
  });

  it('has no parts of a batch transformer that is not there', async () => {
    const model = makeModel({ batchTransformer: false });
    const optimizer = new Adam();
    const batch = makeBatch();
    const result = await trainStep(model, optimizer, batch, { learningRate: 1e-3, seed: 1 });
    expect(Object.keys(result).sort()).toEqual(['loss', 'predictions', 'vitLoss']);
    expect(result.loss).toBe(result.vitLoss);
    optimizer.dispose();
    model.dispose();
    tf.dispose([batch.images, batch.labels]);
  });

  it.skipIf(isSlow(backend))('moves all that is trainable and leaves what is frozen', async () => {
    const config = smallConfig();
    config.landmarks = { ...config.landmarks, trainable: false };
    const model = btn(config);
    const optimizer = new Adam();
    const batch = makeBatch();
    const frozen = () =>
      weightsOf(model.weights.filter((w) => w.originalName.startsWith('face_landback')));
    const [before, frozenBefore] = [weightsOf(model.trainableWeights), frozen()];
    await trainStep(model, optimizer, batch, { learningRate: 1e-3, seed: 1 });
    weightsOf(model.trainableWeights).forEach((weight, i) => {
      expect(weight, model.trainableWeights[i]!.originalName).not.toEqual(before[i]);
    });
    expect(frozenBefore.length).toBeGreaterThan(20);
    expect(frozen()).toEqual(frozenBefore);
    optimizer.dispose();
    model.dispose();
    tf.dispose([batch.images, batch.labels]);
  });

  it('repeats itself for the same seeds, random masks and all', async () => {
    const train = async (seed: number) => {
      const model = makeModel({ dropPath: 0.3 });
      const optimizer = new Adam();
      const batch = makeBatch();
      for (let i = 0; i < 2; i++) {
        await trainStep(model, optimizer, batch, { learningRate: 1e-3, seed: seed + i });
      }
      const weights = weightsOf(model.weights);
      optimizer.dispose();
      model.dispose();
      tf.dispose([batch.images, batch.labels]);
      return weights;
    };
    const first = await train(1);
    expect(await train(1)).toEqual(first);
    expect(await train(7)).not.toEqual(first);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'throws at a loss that %f makes no number, with weights and moments untouched',
    async (pixel) => {
      const model = makeModel();
      const optimizer = new Adam();
      const batch = makeBatch();
      await trainStep(model, optimizer, batch, { learningRate: 1e-3, seed: 1 });
      const before = weightsOf(model.trainableWeights);
      const state = optimizer.getState();
      const tensors = tf.memory().numTensors;

      const images = tf.tidy(() => tf.mul(batch.images, pixel)) as tf.Tensor4D;
      const bad = { images, labels: batch.labels };
      await expect(trainStep(model, optimizer, bad, { learningRate: 1e-3 })).rejects.toThrow(
        LossNotFiniteError,
      );
      images.dispose();
      expect(tf.memory().numTensors).toBe(tensors);
      expect(weightsOf(model.trainableWeights)).toEqual(before);
      const after = optimizer.getState();
      expect(after.step).toBe(state.step);
      for (const [name, first] of Object.entries(after.slots.first!)) {
        expect(toArray(first)).toEqual(toArray(state.slots.first![name]!));
      }
      optimizer.dispose();
      model.dispose();
      tf.dispose([state.slots, after.slots, batch.images, batch.labels]);
    },
  );

  it.each([1, 2, 4, 5, 6, 9])(
    'in micro-batches of %i takes the very step of the whole batch where statistics are frozen',
    async (microBatch) => {
      const batch = makeBatch();
      const gradientsOf = async (optimizer: Optimizer, size: number) => {
        const model = makeModel({ dropPath: 0.5 });
        for (const layer of model.layers) {
          if (layer instanceof BtnBatchNorm) layer.trainable = false;
        }
        const options = { learningRate: 1e-3, seed: 7, microBatch: size };
        const result = await trainStep(model, optimizer, batch, options);
        // Adam's first moments are the gradients, but for a factor.
        const { slots } = await optimizer.getState();
        const gradients = Object.values(slots.first!).map(toArray);
        tf.dispose(slots);
        optimizer.dispose();
        model.dispose();
        return { result, gradients };
      };
      const whole = await gradientsOf(new Adam(), 6);
      const parts = await gradientsOf(new Adam(), microBatch);
      expect(parts.result.loss).toBeCloseTo(whole.result.loss, 5);
      expect(parts.result.cbaLoss).toBeCloseTo(whole.result.cbaLoss!, 5);
      expect(parts.result.predictions).toEqual(whole.result.predictions);
      const error = Math.max(...weightErrors(parts.gradients, whole.gradients));
      expect(error).toBeLessThan(batchRounding(backend));

      const sharpWhole = await gradientsOf(new Sam(new Adam()), 6);
      const sharpParts = await gradientsOf(new Sam(new Adam()), microBatch);
      expect(relativeError(sharpParts.gradients, sharpWhole.gradients)).toBeLessThan(1e-5);
      // SAM's second gradient is another one.
      expect(relativeError(sharpWhole.gradients, whole.gradients)).toBeGreaterThan(1e-3);
      tf.dispose([batch.images, batch.labels]);
    },
  );

  it('in micro-batches lowers the loss, moves running averages once and leaks nothing', async () => {
    const model = makeModel({ dropPath: 0.2 });
    const optimizer = new Adam();
    const batch = makeBatch();
    const statistics = model.layers.find((layer) => layer instanceof BtnBatchNorm)!;
    const [, , before] = statistics.getWeights().map(toArray);
    const losses: number[] = [];
    const tensors: number[] = [];
    for (let i = 0; i < 10; i++) {
      const options = { learningRate: isSlow(backend) ? 0.1 : 3e-3, seed: i + 1, microBatch: 4 };
      losses.push((await trainStep(model, optimizer, batch, options)).loss);
      tensors.push(tf.memory().numTensors);
    }
    expect(losses.at(-1)).toBeLessThan(0.9 * losses[0]!);
    expect(tensors.at(-1)).toBe(tensors[1]);
    const [, , after] = statistics.getWeights().map(toArray);
    expect(after).not.toEqual(before);
    optimizer.dispose();
    model.dispose();
    tf.dispose([batch.images, batch.labels]);
  });

  it('takes the steps of the float64 reference in a linear classifier', async () => {
    const input = tfl.input({ shape: [2, 2, 3] });
    const features = tfl.layers.flatten().apply(input) as tfl.SymbolicTensor;
    const dense = tfl.layers.dense({ name: 'vit', units: 3 });
    const model = tfl.model({
      inputs: input,
      outputs: dense.apply(features) as tfl.SymbolicTensor,
    });
    let weights = [randomArray([12, 3], 1), randomArray([3], 2)];
    tf.tidy(() => dense.setWeights(weights.map(toTensor)));

    const optimizer = new Adam();
    const moments: AdamMoments[] = weights.map(({ data }) => ({
      first: [...data].map(() => 0),
      second: [...data].map(() => 0),
    }));
    for (let t = 1; t <= 3; t++) {
      const images = randomArray([4, 2, 2, 3], 10 + t);
      const labels = [0, 1, 2, t % 3];
      const rows = ndArray([4, 12], images.data);
      const lossAt = ([kernel, bias]: NdArray[]) =>
        crossEntropy(linear(rows, kernel!, bias), labels);
      const gradients = weights.map((weight, k) =>
        [...weight.data].map((value, i) => {
          const moved = (step: number) =>
            lossAt(
              weights.map((w, other) =>
                other === k ? ndArray(w.shape, (j) => (j === i ? value + step : w.data[j]!)) : w,
              ),
            );
          return (moved(1e-6) - moved(-1e-6)) / 2e-6;
        }),
      );
      const expectedLoss = lossAt(weights);
      weights = weights.map((weight, k) =>
        ndArray(weight.shape, adamStep([...weight.data], gradients[k]!, moments[k]!, t, 0.05)),
      );
      const batch = {
        images: toTensor(images) as tf.Tensor4D,
        labels: tf.tensor1d(labels, 'int32'),
      };
      const { loss } = await trainStep(model, optimizer, batch, { learningRate: 0.05 });
      expect(loss).toBeCloseTo(expectedLoss, 4);
      // Weights moved by up to 0.15 in all.
      expectClose(weightsOf(model.trainableWeights), weights, 1e-5);
      tf.dispose([batch.images, batch.labels]);
    }
    optimizer.dispose();
    model.dispose();
  });
});
