/** One thread of a pool: a backend and a copy of the model of its own, and parts of batches to run. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../backend.js';
import { encodeImages } from '../images/encode_images.js';
import { modelOfTopology } from '../models/model_files.js';
import {
  type Answer,
  counters,
  type EncodingJob,
  type GradientShare,
  type Job,
  type ThreadStart,
} from './messages.js';
import { partRunner } from './part_runner.js';

const start = workerData as ThreadStart;
const port = parentPort as MessagePort;

await selectBackend({ backend: start.backend });
const model = await modelOfTopology(start.topology);
readWeights();
port.on('message', async (job: Job) => {
  try {
    if (job.kind === 'gradients') gradients(job);
    else await encode(job);
  } catch (error) {
    answer({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
});
answer({ kind: 'ready' });

function answer(message: Answer): void {
  port.postMessage(message);
}

function readWeights(): void {
  model.weights.forEach((weight, i) => {
    const values = tf.tensor(start.weights[i]!, weight.shape as number[]);
    weight.write(values);
    values.dispose();
  });
}

async function encode({ images, refresh }: EncodingJob): Promise<void> {
  if (refresh) readWeights();
  answer({ kind: 'encodings', encodings: await encodeImages(model, images) });
}

/**
 * This thread's share of a batch's gradients. One part per thread, from the last on, keeps its tape while
 * the pool computes what the loss makes of all encodings; the others are encoded before, and once
 * more afterwards. Gradients are added in the order of the parts, from the last on, whichever thread
 * comes first: the sum is that of one thread.
 */
function gradients(share: GradientShare): void {
  readWeights();
  const run = partRunner(model, share);
  const held = Math.min(start.threads, run.count);
  const next = (counter: number) => run.count - held - 1 - Atomics.add(share.control, counter, 1);
  for (let i = next(counters.encode); i >= 0; i = next(counters.encode)) run.encode(i);
  const own = run.count - 1 - start.index;
  let reached: boolean[] = [];
  if (own < 0) answer({ kind: 'encoded' });
  else {
    reached = run.carry(own, () => {
      answer({ kind: 'encoded' });
      Atomics.wait(share.control, counters.ready, 0);
    });
    for (let i = next(counters.carry); i >= 0; i = next(counters.carry)) run.carry(i);
  }
  answer({ kind: 'done', reached });
}
