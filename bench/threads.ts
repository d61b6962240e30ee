/**
 * Times the full BTN-7 in one thread and in several on wasm, on tfjs-node where it is installed, and in PyTorch with as many
 * where BTN_LAYERS_PYTHON names a Python that has it. Rounds are interleaved; medians, with the fastest and the slowest round. Run:
 * `npx tsx bench/threads.ts [rounds] [threads]`.
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { optimizeForInference } from '../src/models/index.js';
import { selectBackend } from '../src/node/backend.js';
import { type Encoder, encoderOf } from '../src/node/threads/open_threads.js';
import { inThreads } from '../src/node/threads/parallel_model.js';
import { Adam, type BatchGradients, trainStep } from '../src/training/index.js';
import { batchGradients } from '../src/training/step.js';
import { formulaLabels } from '../test/support/formula.js';
import { isInstalled } from '../test/support/runtime.js';
import { machine, median } from './measure.js';
import { imagesOf, makeModel } from './network_cases.js';
import { type Network, startPeer, startTfjsNode } from './peers/process.js';

const rounds = Number(process.argv[2] ?? 5);
const threads = Number(process.argv[3] ?? cpus().length);
const size = 224;
const microBatch = 8;
/** Of each case: a micro-batch or two a thread. */
const batch = 2 * threads * microBatch;

interface Contender {
  name: string;
  run(): Promise<unknown>;
  close?(): void;
}

/** Evaluation: batches of 8, as many at once as there are threads. */
function evaluation(name: string, { encode, threads: atOnce }: Encoder): Contender {
  const pixels = new Uint8Array(microBatch * size * size * 3).map((_, i) => (i * 7919) % 256);
  const counts = Array.from({ length: batch / microBatch / atOnce }, (_, i) => i);
  const run = async () => {
    for (const _ of counts) {
      await Promise.all(Array.from({ length: atOnce }, () => encode({ pixels, size })));
    }
  };
  return { name, run };
}

function step(name: string, model: LayersModel, gradients: BatchGradients): Contender {
  const optimizer = new Adam();
  const images = imagesOf(batch, size);
  const labels = tf.tensor1d(formulaLabels(batch, 7), 'int32');
  const options = { learningRate: 1e-5, seed: 1, microBatch, gradients };
  return { name, run: () => trainStep(model, optimizer, { images, labels }, options) };
}

async function pyTorch(network: Network, size: number): Promise<Contender[]> {
  const { BTN_LAYERS_PYTHON } = process.env;
  if (!BTN_LAYERS_PYTHON) return [];
  const script = fileURLToPath(new URL('peers/pytorch.py', import.meta.url));
  const peer = await startPeer(BTN_LAYERS_PYTHON, [script, `${threads}`]);
  const run = async () => {
    for (let done = 0; done < batch; done += size) await peer.run(network, size);
  };
  return [{ name: `${peer.name}, ${threads} threads`, run, close: peer.close }];
}

/** One micro-batch a thread: no wasm heap bounds it. */
async function tfjsNode(): Promise<Contender> {
  const peer = await startTfjsNode({}, threads);
  const name = `${peer.name}, ${threads} threads`;
  return { name, run: () => peer.run('btn_step', batch), close: peer.close };
}

async function report(title: string, contenders: readonly Contender[]): Promise<void> {
  for (const { run } of contenders) await run();
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of contenders.entries()) {
      const start = performance.now();
      await run();
      times[i]!.push((performance.now() - start) / 1000 / batch);
    }
  }
  for (const { close } of contenders) close?.();
  const medians = times.map(median);
  for (const [i, { name }] of contenders.entries()) {
    const [fastest, slowest] = [Math.min(...times[i]!), Math.max(...times[i]!)];
    const ratio = `${(medians[0]! / medians[i]!).toFixed(2)}×`;
    console.log(
      `| ${title} | ${name} | ${medians[i]!.toFixed(3)} | ${fastest.toFixed(3)}–${slowest.toFixed(3)} | ${ratio} |`,
    );
  }
}

await selectBackend();
console.log(`${machine()}, wasm; ${rounds} interleaved rounds of ${batch} images\n`);
console.log('| BTN-7 at full size | | s an image | spread | speed |\n|---|---|---:|---:|---:|');

const plain = await makeModel('btn_forward');
const optimized = optimizeForInference(plain, { outputs: ['vit'] });
const parallel = await inThreads(optimized, threads);
await report(`evaluation, batches of ${microBatch}`, [
  evaluation('1 thread', encoderOf(optimized)),
  evaluation(`${threads} threads`, parallel),
  ...(await pyTorch('btn_forward', microBatch)),
]);
await parallel.close();
optimized.dispose();

const trained = await inThreads(plain, threads);
await report(`training step, batch ${batch} in micro-batches of ${microBatch}`, [
  step('1 thread', plain, batchGradients),
  step(`${threads} threads`, plain, trained.gradients),
  ...(await pyTorch('btn_step', batch)),
]);
await trained.close();

// By itself: all at once would take 24 GiB.
if (isInstalled('@tensorflow/tfjs-node')) {
  await report(`training step, batch ${batch}`, [
    await tfjsNode(),
    ...(await pyTorch('btn_step', batch)),
  ]);
}
process.exit();
