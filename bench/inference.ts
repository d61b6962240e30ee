/**
 * Times inference of the full BTN-7, as it is and optimized, one thread, in interleaved rounds; and what
 * comes before it: building the network and optimizing it. All times are the processor's, which other
 * processes lengthen least. Run: `npx tsx bench/inference.ts [rounds]`.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn, btnConfig, optimizeForInference } from '../src/models/index.js';
import { machine, median, processorMs, useKernels } from './measure.js';

const rounds = Number(process.argv[2] ?? 7);
await tf.setBackend('wasm');

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

/** The result of `body` and the processor's seconds. */
function timed<T>(body: () => T): [result: T, seconds: number] {
  let result: T;
  const ms = processorMs(() => {
    result = body();
  });
  return [result!, ms / 1000];
}

function forward(model: LayersModel, images: tf.Tensor): number {
  return timed(() =>
    tf.tidy(() => {
      const outputs = model.predictOnBatch(images);
      (Array.isArray(outputs) ? outputs[0]! : outputs).dataSync();
    }),
  )[1];
}

/** The most bytes that tensors take at one time in a forward pass, weights left out. */
function peakBytes(model: LayersModel, images: tf.Tensor): number {
  let peak = 0;
  const kernels = tf.getKernelsForBackend('wasm');
  const watched = kernels.map(({ kernelName, kernelFunc }): tf.KernelConfig => {
    const watching: tf.KernelFunc = (given) => {
      const result = kernelFunc(given);
      peak = Math.max(peak, tf.memory().numBytes);
      return result;
    };
    return { kernelName, backendName: 'wasm', kernelFunc: watching };
  });
  useKernels(watched);
  forward(model, images);
  useKernels(kernels);
  return peak - tf.memory().numBytes;
}

type WeightBytes = Map<object, number>;

/** By the data behind a weight: models may share it. */
function weightBytes(model: LayersModel): WeightBytes {
  return new Map(
    model.weights.map((weight) => [weight.read().dataId, 4 * weight.read().size] as const),
  );
}

function total(bytes: WeightBytes): number {
  return [...bytes.values()].reduce((sum, size) => sum + size, 0);
}

const config = btnConfig('full', { numClasses: 7, seed: 1 });
console.log(`${machine()}, wasm; ${rounds} interleaved rounds, one thread\n`);
const [plain, build] = timed(() => btn(config));
const [zeros, buildZeros] = timed(() => btn(config, { startsFromZeros: () => true }));
zeros.dispose();
const [optimized, optimize] = timed(() => optimizeForInference(plain, { outputs: ['vit'] }));
console.log(`build ${build.toFixed(2)} s, from zeros ${buildZeros.toFixed(2)} s`);
console.log(`optimize ${optimize.toFixed(2)} s`);
const [ofPlain, ofOptimized] = [plain, optimized].map(weightBytes) as [WeightBytes, WeightBytes];
const own = new Map([...ofOptimized].filter(([dataId]) => !ofPlain.has(dataId)));
console.log(
  `weights ${mebibytes(total(ofPlain))}, optimized ${mebibytes(total(ofOptimized))}, ` +
    `of which ${mebibytes(total(own))} are its own\n`,
);

console.log('| BTN-7, vit | batch | s an image | fastest–slowest | activations at most |');
console.log('|---|---:|---:|---|---:|');
for (const batch of [1, 8]) {
  const images = tf.randomNormal([batch, 224, 224, 3]);
  const times = [plain, optimized].map((model) => [forward(model, images)].slice(1));
  for (let round = 0; round < rounds; round++) {
    for (const [i, model] of [plain, optimized].entries()) times[i]!.push(forward(model, images));
  }
  for (const [i, name] of ['plain', 'optimized'].entries()) {
    const perImage = times[i]!.map((seconds) => seconds / batch);
    const spread = `${Math.min(...perImage).toFixed(3)}–${Math.max(...perImage).toFixed(3)}`;
    const peak = mebibytes(peakBytes(i === 0 ? plain : optimized, images));
    console.log(`| ${name} | ${batch} | ${median(perImage).toFixed(3)} | ${spread} | ${peak} |`);
  }
  images.dispose();
}
