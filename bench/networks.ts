/**
 * Times whole networks at full size against stock tfjs-backend-wasm where it can run, and against the peers that are
 * installed (bench/README.md says how): PyTorch, ONNX Runtime, tfjs-node. All have the same weights and images, and
 * their outputs are compared first. Rounds are interleaved; medians, with the fastest and the slowest round. Run:
 * `npx tsx bench/networks.ts [rounds]`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { isInstalled } from '../test/support/runtime.js';
import { kernelsOf, machine, median, useKernels } from './measure.js';
import { multiplyAdds } from './multiply_adds.js';
import { type Network, type PeerProcess, startPeer, startTfjsNode } from './peers/process.js';

// Before ours replace them.
await tf.setBackend('wasm');
const stock = kernelsOf('wasm');
const { optimizeForInference } = await import('../src/models/index.js');
const { forwardOf, makeCase, makeModel } = await import('./network_cases.js');
const ours = kernelsOf('wasm');

const rounds = Number(process.argv[2] ?? 5);
const { BTN_LAYERS_PYTHON, BTN_LAYERS_ONNXRUNTIME } = process.env;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Contender {
  name: string;
  threads: number;
  /** Seconds of one run. */
  run(): Promise<number>;
  output(): Promise<Float32Array>;
  close(): void;
}

/** A peer that cannot take part. */
interface Absent {
  name: string;
  reason: string;
}

interface Case {
  title: string;
  network: Network;
  batch: number;
  /** Ours first. */
  contenders: (() => Promise<(Contender | Absent)[]>)[];
}

/** A training step goes forward and back, by inputs and by filters. */
const passes = (network: Network) => (network === 'btn_step' ? 3 : 1);

/** Runs `body` with the kernels that tfjs-backend-wasm has itself; ops that it lacks stay ours. */
async function withStock<T>(body: () => Promise<T>): Promise<T> {
  useKernels(stock.values());
  try {
    return await body();
  } finally {
    useKernels([...stock.keys()].map((name) => ours.get(name)!));
  }
}

async function seconds(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return (performance.now() - start) / 1000;
}

function contender(name: string, output: () => Promise<Float32Array>, close = () => {}): Contender {
  return { name, threads: 1, run: () => seconds(output), output, close };
}

/** On wasm: the network rewritten for inference, as it is, and as it is with tfjs-backend-wasm's kernels. */
async function onWasm(network: Network, batch: number): Promise<Contender[]> {
  const plain = await makeModel(network);
  // What `predict` runs.
  const outputs = network === 'ir50' ? plain.outputNames : ['vit'];
  const optimized = optimizeForInference(plain, { outputs });
  const made = (model: LayersModel) => {
    const { compute, dispose } = forwardOf(model, batch);
    const close = () => {
      dispose();
      model.dispose();
    };
    return { compute, close };
  };
  const [fast, asItIs] = [made(optimized), made(plain)];
  return [
    contender('btn-layers, optimized', fast.compute, fast.close),
    contender('btn-layers, plain', asItIs.compute, asItIs.close),
    contender('stock tfjs-wasm kernels', () => withStock(asItIs.compute)),
  ];
}

/** Stock tfjs-wasm lacks the kernels of a convolution's gradient: it has no part in this. */
async function stepOnWasm(batch: number): Promise<Contender[]> {
  const { compute, dispose } = await makeCase('btn_step', batch);
  return [contender('btn-layers', compute, dispose)];
}

function fromProcess(
  peer: PeerProcess,
  threads: number,
  network: Network,
  batch: number,
): Contender {
  return {
    name: peer.name,
    threads,
    run: () => peer.run(network, batch),
    output: () => peer.output(network, batch),
    close: peer.close,
  };
}

async function onPyTorch(
  network: Network,
  batch: number,
  threads = 1,
): Promise<(Contender | Absent)[]> {
  if (!BTN_LAYERS_PYTHON) return [{ name: 'PyTorch', reason: 'BTN_LAYERS_PYTHON is not set' }];
  const peer = await startPeer(BTN_LAYERS_PYTHON, [here('peers/pytorch.py'), `${threads}`]);
  return [fromProcess(peer, threads, network, batch)];
}

async function onTfjsNode(
  network: Network,
  batch: number,
  threads = 1,
): Promise<(Contender | Absent)[]> {
  if (!isInstalled('@tensorflow/tfjs-node')) {
    return [{ name: 'btn-layers on tfjs-node', reason: 'it is not installed' }];
  }
  const peer = await startTfjsNode({ TF_NUM_INTRAOP_THREADS: `${threads}` });
  return [fromProcess(peer, threads, network, batch)];
}

let models: string | undefined;

/** Where PyTorch's networks are as ONNX. They are exported once. */
function onnxModels(): string {
  if (models === undefined) {
    models = mkdtempSync(join(tmpdir(), 'btn-layers-onnx-'));
    const { status } = spawnSync(BTN_LAYERS_PYTHON!, [here('peers/export_onnx.py'), models], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error('bench/peers/export_onnx.py failed');
  }
  return models;
}

async function onOnnxRuntime(network: Network): Promise<(Contender | Absent)[]> {
  const packages = ['onnxruntime-web', 'onnxruntime-node'];
  const missing = Object.entries({ BTN_LAYERS_ONNXRUNTIME, BTN_LAYERS_PYTHON })
    .filter(([, value]) => !value)
    .map(([name]) => name);
  if (missing.length > 0) {
    const reason = `${missing.join(' and ')} not set`;
    return packages.map((name) => ({ name, reason }));
  }
  const folder = onnxModels();
  const script = ['--import', 'tsx', here('peers/onnxruntime.ts')];
  return Promise.all(
    packages.map(async (name) => {
      const args = [...script, name, BTN_LAYERS_ONNXRUNTIME!, folder, '1'];
      return fromProcess(await startPeer(process.execPath, args), 1, network, 1);
    }),
  );
}

/** Largest difference over the largest magnitude; NaN where one value is. */
function errorOf(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.NaN;
  const largest = (worst: number, value: number) => Math.max(worst, Math.abs(value));
  const difference = actual.map((value, i) => value - expected[i]!).reduce(largest, 0);
  return difference / expected.reduce(largest, 0);
}

/** Each contender's error against the first. @throws Error where one computes something else. */
async function compare(title: string, contenders: Contender[]): Promise<number[]> {
  const errors: number[] = [];
  const own = await contenders[0]!.output();
  for (const { name, output } of contenders.slice(1)) {
    const error = errorOf(await output(), own);
    if (!(error < 1e-3)) throw new Error(`${title}: ${name} is off by ${error}`);
    errors.push(error);
  }
  return [Number.NaN, ...errors];
}

async function measure(contenders: Contender[]): Promise<number[][]> {
  for (const { run } of contenders) await run();
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of contenders.entries()) times[i]!.push(await run());
  }
  return times.map((list) => list.sort((a, b) => a - b));
}

async function report({ title, network, batch, contenders: openers }: Case): Promise<void> {
  const opened: (Contender | Absent)[] = [];
  for (const open of openers) opened.push(...(await open()));
  const present = opened.filter((one): one is Contender => 'run' in one);
  const errors = await compare(title, present);
  const times = await measure(present);
  const perImage = times.map((list) => median(list) / batch);
  for (const one of opened) {
    const start = `| ${title} | ${batch} | ${one.name} |`;
    if ('reason' in one) {
      console.log(`${start} | skipped: ${one.reason} | | | | |`);
      continue;
    }
    const i = present.indexOf(one);
    const [fastest, slowest] = [times[i]![0]!, times[i]!.at(-1)!];
    const spread = `${(fastest / batch).toFixed(3)}–${(slowest / batch).toFixed(3)}`;
    const speed = (2 * passes(network) * operations[network]!) / perImage[i]! / 1e9;
    const ratio =
      i === 0
        ? ' | '
        : `${(perImage[i]! / perImage[0]!).toFixed(2)}× as fast | ${errors[i]!.toExponential(0)}`;
    console.log(
      `${start} ${one.threads} | ${perImage[i]!.toFixed(3)} | ${spread} | ${speed.toFixed(0)} | ${ratio} |`,
    );
    one.close();
  }
}

const operations: Partial<Record<Network, number>> = {};
for (const network of ['ir50', 'btn_forward'] as const) {
  const model = await makeModel(network);
  operations[network] = multiplyAdds(model);
  model.dispose();
}
operations.btn_step = operations.btn_forward!;

const threads = cpus().length;
const forward = (title: string, network: Network, batch: number): Case => ({
  title,
  network,
  batch,
  contenders: [
    () => onWasm(network, batch),
    () => onTfjsNode(network, batch),
    // Exported for one image.
    ...(batch === 1 ? [() => onOnnxRuntime(network)] : []),
    () => onPyTorch(network, batch),
  ],
});
const step = { title: 'BTN-7, training step', network: 'btn_step', batch: 8 } as const;
const cases: Case[] = [
  forward('IR-50, stages 1–3', 'ir50', 1),
  forward('BTN-7, forward', 'btn_forward', 1),
  forward('BTN-7, forward', 'btn_forward', 8),
  { ...step, contenders: [() => stepOnWasm(8), () => onPyTorch('btn_step', 8)] },
  {
    ...step,
    contenders: [() => onTfjsNode('btn_step', 8, threads), () => onPyTorch('btn_step', 8, threads)],
  },
];

console.log(`${machine()}; ${rounds} interleaved rounds\n`);
const [small, whole] = [operations.ir50!, operations.btn_forward!].map((n) => (n / 1e9).toFixed(2));
console.log(
  `Multiply-adds an image, from the shapes of the networks: IR-50 ${small}e9, BTN-7 ${whole}e9; ` +
    'a training step counts three times.\n',
);
console.log(
  '| network | batch | | threads | s an image | spread | GFLOP/s | ours is | difference |',
);
console.log('|---|---:|---|---:|---:|---:|---:|---:|---:|');
const tensors = tf.memory().numTensors;
for (const current of cases) {
  await report(current);
  const left = tf.memory().numTensors - tensors;
  if (left !== 0) throw new Error(`${current.title} leaves ${left} tensors behind`);
}
console.log(`\nTensors before and after each network: ${tensors} and ${tf.memory().numTensors}.`);
if (models) rmSync(models, { recursive: true });
