/** A child process: trains one run after another as its parent sends them, and answers with results. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluate, selectBackend, train } from 'btn-layers/node';
import { dataFolder } from './data.js';
import { networks, type Run } from './plan.js';
import type { Result } from './results.js';

export interface Task {
  run: Run;
  /** Folder of the data sets. */
  data: string;
  /** Folder for what is not kept. */
  scratch: string;
}

/** Trains, and evaluates the last epoch on the test split: no epoch is chosen. */
async function resultOf({ run, data: root, scratch }: Task): Promise<Result> {
  const { condition, network, settings, seed, epochs } = run;
  const data = dataFolder(root, condition, run);
  const out = await mkdtemp(join(scratch, 'run-'));
  try {
    const {
      folder,
      log,
      settings: used,
    } = await train({
      data,
      dataType: 'RAF-DB',
      preset: 'tiny',
      ...networks[network],
      ...settings,
      seed,
      epochs,
      workers: 1,
      out,
    });
    const { batchSize } = used;
    const { report, batch } = await evaluate({
      data,
      checkpoint: folder.last,
      batchSize,
      workers: 1,
    });
    return {
      run,
      vit: report.accuracy!,
      ...(batch && { bt: batch.bt.mean, cba: batch.cba.mean }),
      train: log.map(({ accuracy }) => rounded(accuracy.train!)),
      test: log.map(({ accuracy }) => rounded(accuracy.test!)),
      cpuSeconds: rounded(cpuSeconds()),
    };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

let cpuBefore = 0;

/** Processor time since the run before. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const now = (user + system) / 1e6;
  const spent = now - cpuBefore;
  cpuBefore = now;
  return spent;
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

async function main(): Promise<void> {
  await selectBackend();
  process.on('message', async (task: Task) => {
    const answer = await resultOf(task).catch((error: unknown) => ({ error: `${error}` }));
    process.send!(answer);
  });
  process.send!('ready');
}

main();
