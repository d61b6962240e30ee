/**
 * Times one training step of the full BTN-7 on a batch larger than memory, in micro-batches, and measures the memory it
 * takes, in as many threads as are asked for. Run: `npx tsx bench/large_batch.ts [threads] [batch] [micro-batch]`.
 */
import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../src/node/backend.js';
import { inThreads } from '../src/node/threads/parallel_model.js';
import { Adam, trainStep } from '../src/training/index.js';
import { formulaLabels } from '../test/support/formula.js';
import { machine } from './measure.js';
import { imagesOf, makeModel } from './network_cases.js';

const threads = Number(process.argv[2] ?? cpus().length);
const batch = Number(process.argv[3] ?? 144);
const microBatch = Number(process.argv[4] ?? 8);
const gibibytes = (bytes: number) => (bytes / 2 ** 30).toFixed(2);

await selectBackend();
const model = await makeModel('btn_forward');
const parallel = threads > 1 ? await inThreads(model, threads) : undefined;
const optimizer = new Adam();
const images = imagesOf(batch, 224);
const labels = tf.tensor1d(formulaLabels(batch, 7), 'int32');
const options = { learningRate: 1e-6, seed: 1, microBatch, gradients: parallel?.gradients };
const before = process.memoryUsage.rss();

console.log(
  `${machine()}, wasm; full BTN-7 at 224 px, one step of ${batch} images, micro-batches of ${microBatch}\n`,
);
console.log(
  '| threads | s | s an image | GiB resident before | GiB at most | GiB more, a thread |',
);
console.log('|---:|---:|---:|---:|---:|---:|');
const start = performance.now();
await trainStep(model, optimizer, { images, labels }, options);
const seconds = (performance.now() - start) / 1000;
const most = process.resourceUsage().maxRSS * 1024;
console.log(
  `| ${threads} | ${seconds.toFixed(1)} | ${(seconds / batch).toFixed(3)} | ${gibibytes(before)} | ${gibibytes(most)} | ` +
    `${gibibytes((most - before) / threads)} |`,
);
process.exit();
