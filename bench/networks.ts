/**
 * Times whole networks at full size, one thread, against stock tfjs-backend-wasm where it can run and
 * against PyTorch where BTN_LAYERS_PYTHON names a Python that has it. Rounds are interleaved; medians,
 * with the fastest and the slowest round. Run: `npx tsx bench/networks.ts [rounds]`.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { kernelsOf, machine, median, useKernels } from './measure.js';

// Before ours replace them.
await tf.setBackend('wasm');
const stock = kernelsOf('wasm');
const { btn, btnConfig, ir50, optimizeForInference } = await import('../src/models/index.js');
const { Adam } = await import('../src/training/adam.js');
const { trainStep } = await import('../src/training/step.js');
const ours = kernelsOf('wasm');

const rounds = Number(process.argv[2] ?? 5);
const python = process.env.BTN_LAYERS_PYTHON;

type Run = () => Promise<number>;

interface Peer {
  name: string;
  run: Run;
}

interface Case {
  name: string;
  batch: number;
  /** Ours first. */
  peers: Peer[];
  dispose(): void;
}

async function timed(body: () => unknown): Promise<number> {
  const start = performance.now();
  await body();
  return (performance.now() - start) / 1000;
}

/** Runs `body` with the kernels that tfjs-backend-wasm has itself; ops that it lacks stay ours. */
async function withStock<T>(body: () => Promise<T>): Promise<T> {
  useKernels(stock.values());
  try {
    return await body();
  } finally {
    useKernels([...stock.keys()].map((name) => ours.get(name)!));
  }
}

/** PyTorch in a process of its own, which answers each line with the seconds it took. */
async function pyTorch() {
  if (!python) return undefined;
  const script = fileURLToPath(new URL('peers/pytorch.py', import.meta.url));
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('bench/peers/pytorch.py ended');
    return value as string;
  };
  const version = await answer();
  const ask = async (line: string) => {
    child.stdin.write(`${line}\n`);
    return Number(await answer());
  };
  return { version, ask, close: () => child.stdin.end() };
}

const torch = await pyTorch();
const torchPeer = (name: string, batch: number): Peer[] =>
  torch ? [{ name: torch.version, run: () => torch.ask(`${name} ${batch}`) }] : [];

function forwardCase(
  name: string,
  torchName: string,
  makeModel: () => LayersModel,
  batch: number,
): Case {
  const plain = makeModel();
  // What `predict` runs.
  const outputs = plain.outputNames.includes('vit') ? ['vit'] : plain.outputNames;
  const optimized = optimizeForInference(plain, { outputs });
  const size = plain.inputs[0]!.shape[1]!;
  const images = tf.randomNormal([batch, size, size, 3]);
  const forward = (model: LayersModel) => () =>
    timed(async () => {
      const outputs = tf.tidy(() => model.predictOnBatch(images)) as tf.Tensor | tf.Tensor[];
      const list = Array.isArray(outputs) ? outputs : [outputs];
      await list[0]!.data();
      tf.dispose(list);
    });
  return {
    name,
    batch,
    peers: [
      { name: 'btn-layers, optimized', run: forward(optimized) },
      { name: 'btn-layers, plain', run: forward(plain) },
      { name: 'stock tfjs-wasm kernels', run: () => withStock(forward(plain)) },
      ...torchPeer(torchName, batch),
    ],
    dispose: () => {
      tf.dispose(images);
      plain.dispose();
      optimized.dispose();
    },
  };
}

/** Stock tfjs-wasm lacks the kernels of a convolution's gradient: it has no part in this. */
function stepCase(batch: number): Case {
  const model = btn(btnConfig('full', { numClasses: 7, seed: 1 }));
  const optimizer = new Adam();
  const images = tf.randomNormal([batch, 224, 224, 3]) as tf.Tensor4D;
  const labels = tf.tensor1d(
    Array.from({ length: batch }, (_, i) => i % 7),
    'int32',
  );
  const step = () =>
    trainStep(model, optimizer, { images, labels }, { learningRate: 1e-5, seed: 1 });
  return {
    name: 'BTN-7, training step',
    batch,
    peers: [{ name: 'btn-layers', run: () => timed(step) }, ...torchPeer('btn_step', batch)],
    dispose: () => {
      tf.dispose([images, labels]);
      optimizer.dispose();
      model.dispose();
    },
  };
}

async function measure({ peers }: Case): Promise<number[][]> {
  for (const { run } of peers) await run();
  const times: number[][] = peers.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of peers.entries()) times[i]!.push(await run());
  }
  return times.map((list) => list.sort((a, b) => a - b));
}

const full = { numClasses: 7, seed: 1 };
const cases: (() => Case)[] = [
  () => forwardCase('IR-50, stages 1–3', 'ir50', () => ir50({ seed: 1 }), 1),
  () => forwardCase('BTN-7, forward', 'btn_forward', () => btn(btnConfig('full', full)), 1),
  () => forwardCase('BTN-7, forward', 'btn_forward', () => btn(btnConfig('full', full)), 8),
  () => stepCase(8),
];

console.log(`${machine()}, wasm; ${rounds} interleaved rounds, one thread\n`);
console.log('| network | batch | | s an image | spread | ours is |');
console.log('|---|---:|---|---:|---:|---:|');
for (const make of cases) {
  const tensors = tf.memory().numTensors;
  const current = make();
  const times = await measure(current);
  const perImage = (list: readonly number[]) => median(list) / current.batch;
  const own = perImage(times[0]!);
  for (const [i, { name }] of current.peers.entries()) {
    const list = times[i]!;
    const spread = `${(list[0]! / current.batch).toFixed(3)}–${(list.at(-1)! / current.batch).toFixed(3)}`;
    const ratio = i === 0 ? '' : `${(perImage(list) / own).toFixed(2)}× as fast`;
    console.log(
      `| ${current.name} | ${current.batch} | ${name} | ${perImage(list).toFixed(3)} | ${spread} | ${ratio} |`,
    );
  }
  current.dispose();
  const left = tf.memory().numTensors - tensors;
  if (left !== 0) throw new Error(`${current.name} leaves ${left} tensors behind`);
}
torch?.close();
