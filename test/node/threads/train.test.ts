import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../../src/node/backend.js';
import { train } from '../../../src/node/training/train.js';
import type { TrainOptions } from '../../../src/node/training/train_options.js';
import { UserError } from '../../../src/node/user_error.js';
import { expectSameRun } from '../same_run.js';
import { drawSmallData } from '../small_data.js';
import { temporaryFolder } from '../temporary_folder.js';

const folder = temporaryFolder();
const data = join(folder, 'data');
const at = (name: string) => join(folder, name);
const options = { data, preset: 'tiny', epochs: 2, batchSize: 5, microBatch: 2 } as const;

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(data);
});

describe('training in threads', () => {
  it('is the very run of one thread, and leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    await train({ ...options, workers: 1, out: at('alone') });
    await train({ ...options, workers: 3, out: at('threads') });
    expectSameRun(at('threads'), at('alone'));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('ends with its last checkpoint when a thread dies, and goes on from there', async () => {
    const out = at('died');
    const workers: Worker[] = [];
    const remember = (worker: Worker) => workers.push(worker);
    process.on('worker', remember);
    const reporter: TrainOptions['reporter'] = {
      epochEnded: () => void workers[1]!.terminate(),
    };
    const run = train({ ...options, workers: 2, out, reporter });
    const error = await run.catch((reason: unknown) => reason);
    process.off('worker', remember);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toBe('a worker thread died: it ended with code 1');
    await train({ resume: out, workers: 2 });
    expectSameRun(out, at('alone'));
  });

  it('is refused on a backend that has no threads', async () => {
    await selectBackend({ backend: 'cpu' });
    const run = train({ ...options, workers: 2, out: at('cpu') });
    await expect(run).rejects.toThrow('--workers 2 is for wasm, and for tfjs-node without a GPU');
    await selectBackend();
  });
});
