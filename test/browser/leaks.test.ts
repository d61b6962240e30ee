import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { BatchTransformer, BtnBatchNorm } from '../../src/index.js';
import { Adam, trainStep } from '../../src/training/index.js';
import { randomArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';

const [size, classes, batch] = [8, 3, 6];

/** A convolution, a normalisation and a batch transformer on images of 8 × 8. */
function smallModel(): tfl.LayersModel {
  const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor) =>
    layer.apply(x) as tfl.SymbolicTensor;
  const image = tfl.input({ shape: [size, size, 3] });
  const options = { filters: 4, kernelSize: 3, strides: 2, activation: 'relu' } as const;
  const map = apply(new BtnBatchNorm(), apply(tfl.layers.conv2d(options), image));
  const features = apply(tfl.layers.flatten(), map);
  const vit = apply(tfl.layers.dense({ name: 'vit', units: classes }), features);
  const [query, key] = [1, 2].map(() =>
    apply(
      tfl.layers.reshape({ targetShape: [classes, 4] }),
      apply(tfl.layers.dense({ units: classes * 4 }), features),
    ),
  );
  const [cba] = new BatchTransformer({ name: 'cba' }).apply([query!, key!, vit]) as [
    tfl.SymbolicTensor,
  ];
  const bt = tfl.layers.add({ name: 'bt' }).apply([cba, vit]) as tfl.SymbolicTensor;
  return tfl.model({ inputs: image, outputs: [vit, bt, cba] });
}

describeBackends('200 steps of training', () => {
  // A step takes half a second on webgpu where a program stands in for the GPU.
  it('lower the loss and leave no tensor behind', { timeout: 600_000 }, async () => {
    const model = smallModel();
    const optimizer = new Adam();
    const data = {
      images: toTensor(randomArray([batch, size, size, 3], 1)) as tf.Tensor4D,
      labels: tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32'),
    };
    const losses: number[] = [];
    const left = new Set<string>();
    for (let step = 1; step <= 200; step++) {
      const { loss } = await trainStep(model, optimizer, data, { learningRate: 3e-3, seed: step });
      losses.push(loss);
      const { numTensors, numDataBuffers, numBytes } = tf.memory();
      // The first step creates Adam's moments.
      if (step > 1) left.add([numTensors, numDataBuffers, numBytes].join());
    }
    expect([...left]).toHaveLength(1);
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
    optimizer.dispose();
    model.dispose();
    tf.dispose([data.images, data.labels]);
  });
});
