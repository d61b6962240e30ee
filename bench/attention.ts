/**
 * Times attention forward and backward on the wasm backend: our kernels against the composite of
 * TensorFlow.js ops that other backends run, in turns; and what class batch attention takes of time
 * and memory as the batch grows. Prints Markdown tables of medians.
 * Run: `npx tsx bench/attention.ts`.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '../src/kernels/index.js';
import { hasRelaxedSimd } from '../src/kernels/wasm/compiled.js';
import { classBatchAttention } from '../src/ops/class_batch_attention.js';
import { scaledDotProductAttention } from '../src/ops/scaled_dot_product_attention.js';
import { machine, median, processorMs, useKernels } from './measure.js';

interface Case {
  readonly label: string;
  readonly shapes: number[][];
  readonly op: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** Multiplications and additions of forward and backward, the scores computed once in each. */
  readonly flop: number;
}

function classBatch(batch: number, classes: number, features: number): Case {
  const map = [batch, classes, features];
  return {
    label: `class batch attention, B ${batch}, C ${classes}, E ${features}`,
    shapes: [map, map, [batch, classes]],
    op: (q, k, v) => classBatchAttention(q!, k!, v!),
    flop: 2 * batch * batch * classes * (4 * features + 3),
  };
}

function heads(name: string, batch: number, tokens: number, width: number, numHeads: number): Case {
  const map = [batch, tokens, width];
  const hasBias = name === 'landmark attention';
  return {
    label: `${name}, B ${batch}, ${tokens} tokens × ${width}, ${numHeads} heads`,
    shapes: [map, map, map, ...(hasBias ? [[numHeads, tokens, tokens]] : [])],
    op: (q, k, v, bias) => scaledDotProductAttention(q!, k!, v!, { numHeads, bias }),
    flop: 2 * batch * tokens * tokens * width * 7,
  };
}

const cases = [
  classBatch(64, 7, 49),
  classBatch(144, 7, 49),
  classBatch(1024, 7, 49),
  heads('landmark attention', 8, 784, 64, 2),
  heads('landmark attention', 8, 196, 128, 4),
  heads('landmark attention', 8, 49, 256, 8),
  heads('multi-level attention', 8, 147, 768, 8),
  heads('self attention', 8, 148, 768, 8),
];

const kernelNames = ['ClassBatchAttention', 'BtnScaledDotProductAttention'].flatMap((name) => [
  name,
  `${name}Grad`,
]);

await tf.setBackend('wasm');
/** The composites, which the cpu backend has, and ours. */
const kinds = ['cpu', 'wasm'].map((backend) =>
  kernelNames.map((name) => tf.getKernel(name, backend)!),
);

console.log(`${machine()}, relaxed SIMD ${hasRelaxedSimd}\n`);
interface Heap {
  HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** The most bytes that `run` holds at a time of what it allocates in the heap. */
function highWater(heap: Heap, run: () => void): number {
  const { _malloc, _free } = heap;
  const sizes = new Map<number, number>();
  let held = 0;
  let highest = 0;
  heap._malloc = (bytes) => {
    const address = _malloc(bytes);
    sizes.set(address, bytes);
    held += bytes;
    highest = Math.max(highest, held);
    return address;
  };
  heap._free = (address) => {
    held -= sizes.get(address) ?? 0;
    sizes.delete(address);
    _free(address);
  };
  run();
  Object.assign(heap, { _malloc, _free });
  return highest;
}

console.log('| class batch attention, C 7, E 49 | ms | beyond inputs and outputs | heap grows |');
console.log('|---|---:|---:|---:|');
useKernels(kinds[1]!);
const { wasm: heap } = tf.backend() as unknown as { wasm: Heap };
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
for (const batch of [256, 512, 1024, 2048, 4096]) {
  const { shapes, op } = classBatch(batch, 7, 49);
  const inputs = shapes.map((shape) => tf.randomNormal(shape));
  const dy = tf.randomNormal(shapes[2]!);
  const run = () => tf.dispose(tf.grads(op)(inputs, dy));
  const before = heap.HEAPU8.length;
  const outputs = 4 * inputs.reduce((sum, { size }) => sum + size, inputs[2]!.size);
  const beyond = highWater(heap, run) - outputs;
  const growth = heap.HEAPU8.length - before;
  const ms = median([processorMs(run), processorMs(run), processorMs(run)]);
  console.log(`| B ${batch} | ${ms.toFixed(1)} | ${mebibytes(beyond)} | ${mebibytes(growth)} |`);
  tf.dispose([inputs, dy]);
}

console.log(
  '\n| forward and backward | composite ms | ours ms | faster | ours GFLOP/s | composite takes | ours takes |',
);
console.log('|---|---:|---:|---:|---:|---:|---:|');
for (const { label, shapes, op, flop } of cases) {
  const inputs = shapes.map((shape) => tf.randomNormal(shape));
  const dy = tf.randomNormal(shapes[2]!);
  const run = () => tf.dispose(tf.grads(op)(inputs, dy));
  const times: [number[], number[]] = [[], []];
  const [compositeBytes, ourBytes] = kinds.map((kernels) => {
    useKernels(kernels);
    return highWater(heap, run);
  }) as [number, number];
  for (let round = -2; round < 15; round++) {
    kinds.forEach((kernels, i) => {
      useKernels(kernels);
      const ms = processorMs(run);
      if (round >= 0) times[i]!.push(ms);
    });
  }
  const [composite, ours] = times.map(median) as [number, number];
  console.log(
    `| ${label} | ${composite.toFixed(2)} | ${ours.toFixed(2)} | ` +
      `${(composite / ours).toFixed(1)}× | ${(flop / ours / 1e6).toFixed(1)} | ` +
      `${mebibytes(compositeBytes)} | ${mebibytes(ourBytes)} |`,
  );
  tf.dispose([inputs, dy]);
}
