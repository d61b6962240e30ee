/**
 * Times the wasm kernels of our own ops against their composites, which run on the kernels of tfjs-backend-wasm alone.
 * Rounds alternate; the fastest of each counts. Prints a Markdown table, with the bytes of inputs and outputs a second.
 * Run: `npx tsx bench/op_kernels.ts [name part]`.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { casesOf, type Kernels, kernelsOf, machine, processorMs, useKernels } from './measure.js';

interface Case {
  readonly kernel: string;
  readonly inputs: number[][];
  readonly attrs?: Record<string, number>;
}

await tf.setBackend('wasm');
const ops = ['adam_update', 'add_scaled', 'affine', 'batch_norm', 'gelu', 'layer_norm', 'prelu'];
for (const op of [...ops, 'sum_of_squares']) {
  await import(`../src/ops/${op}.js`);
}
const stock = kernelsOf('wasm');
await import('../src/kernels/index.js');
const ours = kernelsOf('wasm');
const changed = [...ours.keys()].filter((name) => stock.get(name) !== ours.get(name));

/** Of what ours replace: what a name has of one kind, if anything. */
function use(kernels: Kernels): void {
  useKernels(changed.flatMap((name) => kernels.get(name) ?? []));
}

const maps = [
  [8, 56, 56, 64],
  [8, 14, 14, 256],
  [16, 14, 14, 48],
  [8, 7, 7, 35],
];
const tokens = [
  [8, 147, 768],
  [8, 784, 64],
  [16, 49, 96],
];
const rows = (shapes: number[][], make: (x: number[], c: number[]) => Case) =>
  shapes.map((x) => make(x, [x.at(-1)!]));

const epsilon = 1e-5;
const cases: Case[] = [
  ...rows(maps, (x, c) => ({ kernel: 'BtnBatchNorm', inputs: [x, c, c], attrs: { epsilon } })),
  ...rows(maps, (x, c) => ({
    kernel: 'BtnBatchNormGrad',
    inputs: [x, c, c, x, c, c, c],
    attrs: { epsilon },
  })),
  ...rows(maps, (x, c) => ({ kernel: 'BtnAffine', inputs: [x, c, c] })),
  ...rows(maps, (x, c) => ({ kernel: 'BtnPreluGrad', inputs: [x, x, c] })),
  ...rows(tokens, (x, c) => ({ kernel: 'BtnLayerNorm', inputs: [x, c, c], attrs: { epsilon } })),
  ...rows(tokens, (x, c) => ({
    kernel: 'BtnLayerNormGrad',
    inputs: [x, x, c],
    attrs: { epsilon },
  })),
  ...[...tokens, [8, 147, 3072]].map((x) => ({ kernel: 'BtnGelu', inputs: [x] })),
  ...[...tokens, [8, 147, 3072]].map((x) => ({ kernel: 'BtnGeluGrad', inputs: [x, x] })),
  ...[[3, 3, 256, 256], [2359296 * 4], [64]].map((x) => ({
    kernel: 'BtnAdamUpdate',
    inputs: [x, x, x, x],
    attrs: { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  })),
  ...[[3, 3, 256, 256], [2359296 * 4], [64]].flatMap((x) => [
    { kernel: 'BtnAddScaled', inputs: [x, x], attrs: { scale: 0.1, keep: 1 } },
    { kernel: 'BtnSumOfSquares', inputs: [x] },
  ]),
];

function compare({ kernel, inputs, attrs = {} }: Case) {
  const tensors = inputs.map((shape) => tf.abs(tf.randomNormal(shape)));
  let bytes = tensors.reduce((sum, { size }) => sum + size * 4, 0);
  const run = () => {
    const out = tf.engine().runKernel(kernel, tensors as unknown as tf.NamedTensorMap, attrs);
    const outputs = [out].flat() as tf.Tensor[];
    tf.dispose(outputs);
    return outputs.reduce((sum, { size }) => sum + size * 4, 0);
  };
  bytes += run();
  const repeats = Math.max(1, Math.round(4e6 / bytes));
  const best = [stock, ours].map(() => Number.POSITIVE_INFINITY);
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
  tf.dispose(tensors);
  return { composite: best[0]!, own: best[1]!, bytes };
}

/** GB/s of a plain copy inside the heap, reading and writing. */
function copyRate(): number {
  const from = new Float32Array(2 ** 22).fill(1);
  const to = new Float32Array(2 ** 22);
  const best = Math.min(...Array.from({ length: 20 }, () => processorMs(() => to.set(from))));
  return (2 * from.byteLength) / best / 1e6;
}

const selected = casesOf(cases, process.argv[2]);
console.log(`${machine()}; a copy moves ${copyRate().toFixed(1)} GB/s\n`);
console.log('| kernel | inputs | composite ms | ours ms | faster | GB/s |');
console.log('|---|---|---:|---:|---:|---:|');
for (const c of selected) {
  const { composite, own, bytes } = compare(c);
  const shape = `[${c.inputs[0]!.join(', ')}]`;
  console.log(
    `| ${c.kernel} | ${shape} | ${composite.toFixed(3)} | ${own.toFixed(3)} | ` +
      `${(composite / own).toFixed(1)}× | ${(bytes / own / 1e6).toFixed(1)} |`,
  );
}
