/**
 * Times inference of the full BTN-7, as it is and optimized, one thread, in interleaved rounds; and what
 * comes before it: building the network and optimizing it. All times are the processor's, which other
 * processes lengthen least. Run: `npx tsx bench/inference.ts [rounds]`.
 */
import { cpus, totalmem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn, btnConfig, optimizeForInference } from '../src/models/index.js';

const rounds = Number(process.argv[2] ?? 7);
await tf.setBackend('wasm');

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const medianOf = (list: number[]) =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] as number;
const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

function timed<T>(body: () => T): [result: T, seconds: number] {
  const start = processorSeconds();
  const result = body();
  return [result, processorSeconds() - start];
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
  const use = (config: tf.KernelConfig) => {
    tf.unregisterKernel(config.kernelName, 'wasm');
    tf.registerKernel(config);
  };
  for (const config of kernels) {
    const kernelFunc: tf.KernelFunc = (given) => {
      const result = config.kernelFunc(given);
      peak = Math.max(peak, tf.memory().numBytes);
      return result;
    };
    use({ kernelName: config.kernelName, backendName: 'wasm', kernelFunc });
  }
  forward(model, images);
  kernels.forEach(use);
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
const [cpu] = cpus();
console.log(
  `${cpu?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}; ` +
    `TensorFlow.js ${tf.version_core}, wasm; ${rounds} interleaved rounds, one thread\n`,
);
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
    console.log(`| ${name} | ${batch} | ${medianOf(perImage).toFixed(3)} | ${spread} | ${peak} |`);
  }
  images.dispose();
}
