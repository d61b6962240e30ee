/**
 * Times the kernels for tfjs-node against what they replace: tfjs-node's own, and composites on them. Rounds alternate;
 * processor time of both threads, the fastest of each counts. Run: `npx tsx bench/tensorflow_kernels.ts`.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { restoreNodeFunctions } from '../src/node/backend.js';
import { isInstalled } from '../test/support/runtime.js';
import { type Kernels, kernelsOf, machine, processorMs, useKernels } from './measure.js';

const tfjsNode = '@tensorflow/tfjs-node';
if (!isInstalled(tfjsNode)) {
  console.log(`${machine()}\n\nskipped: tfjs-node is not installed`);
  process.exit();
}

interface Case {
  readonly kernel: string;
  readonly inputs: Record<string, number[]> | number[][];
  readonly attrs?: Record<string, number>;
  /** Inputs that are zeros fresh from JavaScript, as the cotangents of unused outputs are. */
  readonly unused?: readonly number[];
}

const backend = 'tensorflow';
restoreNodeFunctions();
await import(tfjsNode);
for (const op of ['batch_norm', 'prelu']) await import(`../src/ops/${op}.js`);
const stock = kernelsOf(backend);
await import('../src/kernels/index.js');
await tf.setBackend(backend);
const ours = kernelsOf(backend);
const changed = [...ours.keys()].filter((name) => stock.get(name) !== ours.get(name));

function use(kernels: Kernels): void {
  useKernels(
    changed.flatMap((name) => kernels.get(name) ?? []),
    backend,
  );
}

const epsilon = 1e-5;
const maps = [
  [8, 112, 112, 64],
  [8, 56, 56, 64],
  [8, 14, 14, 256],
];
const rows = (make: (x: number[], c: number[]) => Case) => maps.map((x) => make(x, [x.at(-1)!]));
const cases: Case[] = [
  ...rows((x, c) => ({ kernel: 'BtnBatchNorm', inputs: [x, c, c], attrs: { epsilon } })),
  ...rows((x, c) => ({
    kernel: 'BtnBatchNormGrad',
    inputs: [x, c, c, x, c, c, c],
    unused: [1, 2],
    attrs: { epsilon },
  })),
  ...rows((x, alpha) => ({ kernel: 'Prelu', inputs: { x, alpha } })),
  ...rows((x, c) => ({ kernel: 'BtnPreluGrad', inputs: [x, x, c] })),
];

function compare({ kernel, inputs, attrs = {}, unused = [] }: Case) {
  const names = Object.keys(inputs);
  const given = Object.values(inputs).map((shape) => tf.randomUniform(shape, 0.1, 1));
  const run = () =>
    tf.tidy(() => {
      const tensors = given.map((x, i) => (unused.includes(i) ? tf.zeros(x.shape) : x));
      const named = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
      const list = Array.isArray(inputs) ? (tensors as unknown as tf.NamedTensorMap) : named;
      tf.engine().runKernel(kernel, list, attrs);
    });
  const repeats = Math.max(1, Math.round(4e6 / given[0]!.size));
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 12; round++) {
    [stock, ours].forEach((kernels, i) => {
      use(kernels);
      run();
      const spent = processorMs(() => {
        for (let r = 0; r < repeats; r++) run();
      });
      best[i] = Math.min(best[i]!, spent / repeats);
    });
  }
  tf.dispose(given);
  return best as [number, number];
}

console.log(`${machine()}; tfjs-node\n`);
console.log('| kernel | inputs | before, ms | ours, ms | faster |');
console.log('|---|---|---:|---:|---:|');
for (const c of cases) {
  const [before, own] = compare(c);
  const shape = `[${Object.values(c.inputs)[0]!.join(', ')}]`;
  console.log(
    `| ${c.kernel} | ${shape} | ${before.toFixed(2)} | ${own.toFixed(2)} | ${(before / own).toFixed(1)}× |`,
  );
}
