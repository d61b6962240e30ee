/**
 * Times attention forward and backward on the wasm backend, in turns: our kernels; the composite of TensorFlow.js ops
 * that other backends run, on tfjs-backend-wasm's own kernels; and that composite on ours, which multiply and sum as fast
 * as our attention does, so that only streaming is left to gain. And what class batch attention takes of time and memory
 * as the batch grows. Prints Markdown tables of medians. Run: `npx tsx bench/attention.ts`.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { classBatchAttention } from '../src/ops/class_batch_attention.js';
import { scaledDotProductAttention } from '../src/ops/scaled_dot_product_attention.js';
import { kernelsOf, machine, median, processorMs, useKernels } from './measure.js';

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

// Before ours replace them.
await tf.setBackend('wasm');
const stock = kernelsOf('wasm');
await import('../src/kernels/index.js');
const { hasRelaxedSimd } = await import('../src/kernels/wasm/compiled.js');
const ours = kernelsOf('wasm');
/** The cpu backend has the composites. */
const composites = kernelNames.map((name) => tf.getKernel(name, 'cpu')!);
/** The stock one is 10 to 50 times as slow, so it has fewer rounds. */
const kinds = [
  { kernels: [...stock.values(), ...composites], rounds: 3 },
  { kernels: [...ours.values(), ...composites], rounds: 15 },
  { kernels: [...ours.values()], rounds: 15 },
];

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
useKernels(ours.values());
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
  '\n| forward and backward | composite, stock kernels, ms | composite, our kernels, ms | ours ms | ' +
    'faster than stock | than on ours | GFLOP/s | composite takes | ours takes |',
);
console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|');
for (const { label, shapes, op, flop } of cases) {
  const inputs = shapes.map((shape) => tf.randomNormal(shape));
  const dy = tf.randomNormal(shapes[2]!);
  const run = () => tf.dispose(tf.grads(op)(inputs, dy));
  const bytes = kinds.map(({ kernels }) => {
    useKernels(kernels);
    return highWater(heap, run);
  });
  const times: number[][] = kinds.map(() => []);
  for (let round = -1; round < 15; round++) {
    kinds.forEach(({ kernels, rounds }, i) => {
      if (round >= rounds) return;
      useKernels(kernels);
      const ms = processorMs(run);
      if (round >= 0) times[i]!.push(ms);
    });
  }
  const [onStock, onOurs, own] = times.map(median) as [number, number, number];
  const columns = [
    label,
    onStock.toFixed(2),
    onOurs.toFixed(2),
    own.toFixed(2),
    `${(onStock / own).toFixed(1)}×`,
    `${(onOurs / own).toFixed(1)}×`,
    (flop / own / 1e6).toFixed(1),
    mebibytes(bytes[1]!),
    mebibytes(bytes[2]!),
  ];
  console.log(`| ${columns.join(' | ')} |`);
  tf.dispose([inputs, dy]);
}
