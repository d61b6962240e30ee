import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { heapBytes, randomTensor, randomValues, relativeError } from './both_backends.js';

const { layers } = tfl;
type Layer = tfl.layers.Layer;

const IMAGE = [16, 16, 3];

function imageModel(...body: Layer[]): tfl.LayersModel {
  const input = tfl.input({ shape: IMAGE });
  const features = body.reduce((x, layer) => layer.apply(x) as tfl.SymbolicTensor, input);
  const flat = features.shape.length === 2 ? features : layers.flatten().apply(features);
  const head = layers.dense({ units: 4, activation: 'softmax' }).apply(flat);
  return tfl.model({ inputs: input, outputs: head as tfl.SymbolicTensor });
}

function residualModel(): tfl.LayersModel {
  const input = tfl.input({ shape: IMAGE });
  const conv = (strides: number) =>
    layers.conv2d({ filters: 8, kernelSize: 3, strides, padding: 'same', useBias: false });
  let x = conv(1).apply(input) as tfl.SymbolicTensor;
  const shortcut = layers.conv2d({ filters: 8, kernelSize: 1, strides: 2 }).apply(x);
  x = layers.batchNormalization().apply(x) as tfl.SymbolicTensor;
  x = layers.reLU().apply(conv(2).apply(x)) as tfl.SymbolicTensor;
  x = layers.batchNormalization().apply(conv(1).apply(x)) as tfl.SymbolicTensor;
  x = layers.add().apply([x, shortcut as tfl.SymbolicTensor]) as tfl.SymbolicTensor;
  x = layers.globalAveragePooling2d({}).apply(x) as tfl.SymbolicTensor;
  const head = layers.dense({ units: 4, activation: 'softmax' }).apply(x);
  return tfl.model({ inputs: input, outputs: head as tfl.SymbolicTensor });
}

function tokenModel(): tfl.LayersModel {
  const input = tfl.input({ shape: [10] });
  let x = layers.embedding({ inputDim: 20, outputDim: 16 }).apply(input) as tfl.SymbolicTensor;
  const dense = (units: number) => layers.dense({ units });
  const [query, key, value] = [0, 1, 2].map(() => dense(16).apply(x) as tfl.SymbolicTensor) as [
    tfl.SymbolicTensor,
    tfl.SymbolicTensor,
    tfl.SymbolicTensor,
  ];
  const scores = layers.dot({ axes: [2, 2] }).apply([query, key]) as tfl.SymbolicTensor;
  const weights = layers.activation({ activation: 'softmax' }).apply(scores) as tfl.SymbolicTensor;
  const attended = layers.dot({ axes: [2, 1] }).apply([weights, value]) as tfl.SymbolicTensor;
  x = layers.add().apply([x, attended]) as tfl.SymbolicTensor;
  x = layers.layerNormalization().apply(x) as tfl.SymbolicTensor;
  x = layers.activation({ activation: 'gelu' }).apply(dense(32).apply(x)) as tfl.SymbolicTensor;
  x = layers.globalAveragePooling1d({}).apply(x) as tfl.SymbolicTensor;
  const head = layers.dense({ units: 4, activation: 'softmax' }).apply(x);
  return tfl.model({ inputs: input, outputs: head as tfl.SymbolicTensor });
}

const activations: [string, () => Layer][] = [
  ['elu', () => layers.elu()],
  ['leakyReLU', () => layers.leakyReLU()],
  ['prelu', () => layers.prelu({ sharedAxes: [1, 2] })],
  ...(
    [
      'sigmoid',
      'tanh',
      'softplus',
      'softsign',
      'swish',
      'mish',
      'gelu',
      'gelu_new',
      'selu',
      'relu6',
      'hardSigmoid',
    ] as const
  ).map((activation): [string, () => Layer] => [
    activation,
    () => layers.activation({ activation }),
  ]),
];

const models: [string, () => tfl.LayersModel][] = [
  [
    'convolution, batch normalization, pooling',
    () =>
      imageModel(
        layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }),
        layers.batchNormalization(),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.conv2d({ filters: 8, kernelSize: 5, strides: 2, padding: 'same' }),
        layers.averagePooling2d({ poolSize: 2 }),
      ),
  ],
  ['residual block', residualModel],
  [
    'depthwise and separable convolution',
    () =>
      imageModel(
        layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
        layers.separableConv2d({ filters: 6, kernelSize: 3, strides: 2, padding: 'same' }),
        layers.globalMaxPooling2d({}),
      ),
  ],
  [
    'transposed convolution, padding, cropping',
    () =>
      imageModel(
        layers.conv2d({ filters: 4, kernelSize: 3, strides: 2 }),
        layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2 }),
        layers.zeroPadding2d({ padding: 1 }),
        layers.cropping2D({ cropping: 2 }),
        layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
      ),
  ],
  [
    'bilinear upsampling and dropout',
    () =>
      imageModel(
        layers.conv2d({ filters: 4, kernelSize: 3 }),
        layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' }),
        layers.dropout({ rate: 0.3, seed: 5 }),
        layers.permute({ dims: [3, 1, 2] }),
        layers.reshape({ targetShape: [28, 28, 4] }),
        layers.globalAveragePooling2d({}),
      ),
  ],
  ['embedding, attention, layer normalization', tokenModel],
  [
    'recurrent layer',
    () =>
      imageModel(
        layers.reshape({ targetShape: [16, 48] }),
        layers.lstm({ units: 6, recurrentInitializer: 'glorotUniform' }),
      ),
  ],
  ...activations.map(([name, activation]): [string, () => tfl.LayersModel] => [
    name,
    () => imageModel(layers.conv2d({ filters: 4, kernelSize: 3, strides: 2 }), activation()),
  ]),
];

/** Weights after two steps of training, all of them reproducible, and the losses. */
async function train(
  backendName: string,
  build: () => tfl.LayersModel,
): Promise<{ name: string; data: Float32Array }[]> {
  await tf.setBackend(backendName);
  const model = build();
  const scale = (name: string) => (name.includes('alpha') ? 0.1 : 0.3);
  model.setWeights(
    model.weights.map((weight, i) =>
      weight.name.includes('variance') || weight.name.includes('gamma')
        ? tf.ones(weight.shape as number[])
        : tf.mul(randomTensor(weight.shape as number[], i + 1), scale(weight.originalName)),
    ),
  );
  model.compile({ optimizer: tf.train.sgd(0.1), loss: 'categoricalCrossentropy' });
  const shape = [6, ...((model.inputs[0] as tfl.SymbolicTensor).shape.slice(1) as number[])];
  const x =
    shape.length === 2
      ? tf.tensor2d(
          randomValues(60, 9).map((value) => Math.floor(Math.abs(value) * 10) % 20),
          [6, 10],
        )
      : randomTensor(shape, 9);
  const y = tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1], 'int32'), 4);
  const losses = [await model.trainOnBatch(x, y), await model.trainOnBatch(x, y)] as number[];
  const trained = model.weights.map((weight) => ({
    name: weight.originalName,
    data: Float32Array.from(weight.read().dataSync()),
  }));
  model.dispose();
  tf.dispose([x, y]);
  return [{ name: 'losses', data: Float32Array.from(losses) }, ...trained];
}

describe('a stock model trains on wasm as on cpu', () => {
  it.each(models)('%s', async (_name, build) => {
    const onCpu = await train('cpu', build);
    const onWasm = await train('wasm', build);
    onCpu.forEach(({ name, data }, i) => {
      const actual = onWasm[i]?.data as Float32Array;
      expect(relativeError(actual, data), name).toBeLessThan(1e-4);
    });
  });
});

describe('training on wasm', () => {
  it('does not grow the heap from step to step', async () => {
    await tf.setBackend('wasm');
    const model = residualModel();
    model.compile({ optimizer: tf.train.sgd(0.01), loss: 'categoricalCrossentropy' });
    const x = randomTensor([16, ...IMAGE], 1);
    const y = tf.oneHot(tf.fill([16], 1, 'int32'), 4);
    for (let step = 0; step < 3; step++) await model.trainOnBatch(x, y);
    const [heap, tensors] = [heapBytes(), tf.memory().numTensors];
    for (let step = 0; step < 60; step++) await model.trainOnBatch(x, y);
    expect(heapBytes()).toBe(heap);
    expect(tf.memory().numTensors).toBe(tensors);
    model.dispose();
    tf.dispose([x, y]);
  });
});
