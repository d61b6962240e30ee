/**
 * Counts what attention asks of a GPU, forward and with the gradients: our kernels against the composite of TensorFlow.js
 * ops that other backends run. No times: the counts are the same on every GPU, a program that plays one too. Prints Markdown
 * tables. Run: `npx tsx bench/webgpu_attention.ts`; what it needs: docs/backends.md.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import '../src/kernels/index.js';
import { selectBackend } from '../src/node/backend.js';
import { classBatchAttention } from '../src/ops/class_batch_attention.js';
import { scaledDotProductAttention } from '../src/ops/scaled_dot_product_attention.js';
import { countGpuWork, type GpuWork } from '../test/support/gpu_work.js';
import { useKernels } from './measure.js';

interface Case {
  readonly label: string;
  readonly shapes: number[][];
  readonly op: (...inputs: tf.Tensor[]) => tf.Tensor;
}

function classBatch(batch: number): Case {
  const [classes, features] = [7, 49];
  const map = [batch, classes, features];
  return {
    label: `class batch attention, B ${batch}, C ${classes}, E ${features}`,
    shapes: [map, map, [batch, classes]],
    op: (q, k, v) => classBatchAttention(q!, k!, v!),
  };
}

function landmark(batch: number, tokens: number, width: number, numHeads: number): Case {
  const map = [batch, tokens, width];
  return {
    label: `landmark attention, B ${batch}, ${tokens} tokens × ${width}, ${numHeads} heads`,
    shapes: [map, map, map, [numHeads, tokens, tokens]],
    op: (q, k, v, bias) => scaledDotProductAttention(q!, k!, v!, { numHeads, bias }),
  };
}

const kernelNames = ['ClassBatchAttention', 'BtnScaledDotProductAttention'].flatMap((name) => [
  name,
  `${name}Grad`,
]);

await selectBackend({ backend: 'webgpu', allowSoftwareGpu: true });
tf.env().set('WEBGPU_CPU_FORWARD', false);
/** The composites, which the cpu backend has, and ours. */
const [composite, ours] = ['cpu', 'webgpu'].map((backend) =>
  kernelNames.map((name) => tf.getKernel(name, backend)!),
) as [tf.KernelConfig[], tf.KernelConfig[]];

interface Counted {
  readonly forward: GpuWork;
  readonly both: GpuWork;
  /** Bytes of the gradients; the output is gone by the time that the most is held. */
  readonly outputs: number;
}

const bytesOf = (shapes: number[][]) =>
  4 * shapes.reduce((sum, shape) => sum + tf.util.sizeFromShape(shape), 0);

async function count({ shapes, op }: Case, kernels: tf.KernelConfig[]): Promise<Counted> {
  useKernels(kernels, 'webgpu');
  const inputs = shapes.map((shape) => tf.randomNormal(shape));
  const dy = tf.randomNormal(shapes[2]!);
  // Puts them on the GPU, and waits until nothing is queued.
  const sums = [...inputs, dy].map((x) => tf.sum(x));
  const settle = () => Promise.all(sums.map((sum) => tf.add(sum, 1).data()));
  await settle();
  const forward = countGpuWork(() => tf.dispose(op(...inputs)));
  await settle();
  const both = countGpuWork(() => tf.dispose(tf.grads(op)(inputs, dy)));
  await settle();
  tf.disposeVariables();
  tf.dispose([inputs, dy, sums]);
  return { forward, both, outputs: bytesOf(shapes) };
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 2 : 1);

console.log(`TensorFlow.js ${tf.version_core}; MiB\n`);
console.log('| | dispatches | | most held | | moved | |');
console.log('|---|---:|---:|---:|---:|---:|---:|');
console.log('| | composite | ours | composite | ours | composite | ours |');
for (const each of [classBatch(144), classBatch(1024), landmark(8, 784, 64, 2)]) {
  const [before, after] = [await count(each, composite), await count(each, ours)];
  for (const pass of ['forward', 'both'] as const) {
    const cells = [
      `${each.label}, ${pass === 'both' ? 'forward and backward' : pass}`,
      before[pass].dispatches,
      after[pass].dispatches,
      ...(['held', 'moved'] as const).flatMap((what) =>
        [before, after].map((counted) => mebibytes(counted[pass][what])),
      ),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

console.log('\n| ours, forward and backward | held beyond the gradients | a sample and class |');
console.log('|---|---:|---:|');
for (const batch of [1024, 2048, 4096]) {
  const each = classBatch(batch);
  const { both, outputs } = await count(each, ours);
  const beyond = both.held - outputs;
  console.log(
    `| ${each.label} | ${mebibytes(beyond)} | ${(beyond / (batch * 7)).toFixed(1)} bytes |`,
  );
}
// Dawn keeps the process alive.
process.exit(0);
