/** The networks of bench/networks.ts, with the weights and images of scripts/goldens/formula.py, on any backend. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn, btnConfig, ir50 } from '../src/models/index.js';
import { inThreads } from '../src/node/threads/parallel_model.js';
import { Adam } from '../src/training/adam.js';
import { trainStep } from '../src/training/step.js';
import { applyStateDict, toStateDict } from '../src/weights/index.js';
import { formulaImages, formulaLabels, formulaStateDict } from '../test/support/formula.js';
import type { Network } from './peers/process.js';

const numClasses = 7;

/** Runs a network once and gives its first output in PyTorch's layout: maps are `[B, C, H, W]` there. */
export type Compute = () => Promise<Float32Array>;

export interface NetworkCase {
  compute: Compute;
  dispose(): void;
}

/** A network at full size. Drop-path, whose masks differ from program to program, is off. */
export async function makeModel(network: Network): Promise<LayersModel> {
  const config = btnConfig('full', { numClasses, seed: 1 });
  config.fusion.dropPath = [0, 0, 0];
  const model = network === 'ir50' ? ir50({ seed: 1 }) : btn(config);
  applyStateDict(model, formulaStateDict(await toStateDict(model)));
  return model;
}

/** @param threads How many share a training step, one micro-batch each. */
export async function makeCase(network: Network, batch: number, threads = 1): Promise<NetworkCase> {
  const model = await makeModel(network);
  const made =
    network === 'btn_step' ? await stepOf(model, batch, threads) : forwardOf(model, batch);
  return {
    compute: made.compute,
    dispose() {
      made.dispose();
      model.dispose();
    },
  };
}

export function forwardOf(model: LayersModel, batch: number): NetworkCase {
  const images = imagesOf(batch, model.inputs[0]!.shape[1]!);
  // Of the three maps of IR-50 the last.
  const index = model.outputNames.includes('vit') ? model.outputNames.indexOf('vit') : -1;
  return {
    async compute() {
      const output = tf.tidy(() => {
        const outputs = [model.predictOnBatch(images)].flat() as tf.Tensor[];
        const first = outputs.at(index)!;
        return first.rank === 4 ? tf.transpose(first, [0, 3, 1, 2]) : first;
      });
      const values = (await output.data()) as Float32Array;
      output.dispose();
      return values;
    },
    dispose: () => images.dispose(),
  };
}

async function stepOf(model: LayersModel, batch: number, threads: number): Promise<NetworkCase> {
  const parallel = threads > 1 ? await inThreads(model, threads) : undefined;
  const sharing = parallel && { gradients: parallel.gradients, microBatch: batch / threads };
  const optimizer = new Adam();
  const images = imagesOf(batch, 224);
  const labels = tf.tensor1d(formulaLabels(batch, numClasses), 'int32');
  return {
    async compute() {
      const { loss } = await trainStep(
        model,
        optimizer,
        { images, labels },
        { learningRate: 1e-5, ...sharing },
      );
      return Float32Array.of(loss);
    },
    dispose() {
      tf.dispose([images, labels]);
      optimizer.dispose();
      void parallel?.close();
    },
  };
}

export function imagesOf(batch: number, size: number): tf.Tensor4D {
  const values = formulaImages('images', batch, size);
  return tf.tidy(() => tf.transpose(tf.tensor4d(values, [batch, 3, size, size]), [0, 2, 3, 1]));
}
