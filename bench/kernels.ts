/**
 * Times the kernels of src/kernels/wasm against those of tfjs-backend-wasm, where it has one. Prints a Markdown table. Run: `npx tsx bench/kernels.ts [name part]`.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { casesOf, kernelsOf, machine, processorMs, useKernels } from './measure.js';

type Attrs = NonNullable<Parameters<tf.KernelFunc>[0]['attrs']>;

interface Case {
  readonly kernel: string;
  readonly label: string;
  readonly inputs: Record<string, number[]>;
  readonly attrs: object;
  /** Floating point operations, for GFLOP/s. */
  readonly flop?: number;
}

const convolutions = ['Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropInput'] as const;

function convolution(
  kernel: (typeof convolutions)[number],
  batch: number,
  size: number,
  inChannels: number,
  outChannels: number,
  filter: number,
  stride: number,
): Case {
  const x = [batch, size, size, inChannels];
  const filterShape = [filter, filter, inChannels, outChannels];
  const out = Math.ceil(size / stride);
  const dy = [batch, out, out, outChannels];
  const inputs = {
    Conv2D: { x, filter: filterShape },
    Conv2DBackpropFilter: { x, dy },
    Conv2DBackpropInput: { dy, filter: filterShape },
  };
  return {
    kernel,
    label: `${batch}×${size}×${size}×${inChannels} → ${outChannels}, ${filter}×${filter}, stride ${stride}`,
    inputs: inputs[kernel],
    attrs: {
      strides: [stride, stride],
      pad: 'same',
      dilations: [1, 1],
      dataFormat: 'NHWC',
      filterShape,
      inputShape: x,
    },
    flop: 2 * batch * out * out * filter * filter * inChannels * outChannels,
  };
}

function depthwise(
  kernel: 'DepthwiseConv2dNativeBackpropFilter' | 'DepthwiseConv2dNativeBackpropInput',
  batch: number,
  size: number,
  channels: number,
  stride: number,
): Case {
  const x = [batch, size, size, channels];
  const filterShape = [3, 3, channels, 1];
  const out = Math.ceil(size / stride);
  const dy = [batch, out, out, channels];
  const isFilter = kernel === 'DepthwiseConv2dNativeBackpropFilter';
  return {
    kernel,
    label: `${batch}×${size}×${size}×${channels}, 3×3, stride ${stride}`,
    inputs: isFilter ? { x, dy } : { dy, filter: filterShape },
    attrs: {
      strides: [stride, stride],
      pad: 'same',
      dilations: [1, 1],
      filterShape,
      inputShape: x,
    },
    flop: 2 * batch * out * out * 9 * channels,
  };
}

function matMul(
  batch: number[],
  m: number,
  k: number,
  n: number,
  form: 'AB' | 'AᵀB' | 'ABᵀ',
): Case {
  return {
    kernel: 'BatchMatMul',
    label: `${form} [${[...batch, m, k]}]·[${[...batch, k, n]}]`,
    inputs: {
      a: [...batch, ...(form === 'AᵀB' ? [k, m] : [m, k])],
      b: [...batch, ...(form === 'ABᵀ' ? [n, k] : [k, n])],
    },
    attrs: { transposeA: form === 'AᵀB', transposeB: form === 'ABᵀ' },
    flop: 2 * tf.util.sizeFromShape(batch) * m * k * n,
  };
}

const forms = ['AB', 'AᵀB', 'ABᵀ'] as const;

const cases: Case[] = [
  ...convolutions.flatMap((kernel) => [
    convolution(kernel, 4, 112, 3, 64, 3, 1),
    convolution(kernel, 8, 56, 64, 64, 3, 1),
    convolution(kernel, 8, 56, 64, 128, 3, 2),
    convolution(kernel, 8, 28, 128, 128, 3, 1),
    convolution(kernel, 8, 14, 256, 256, 3, 1),
    convolution(kernel, 8, 7, 512, 512, 3, 1),
    convolution(kernel, 1, 14, 256, 256, 3, 1),
    convolution(kernel, 8, 28, 64, 128, 1, 1),
    convolution(kernel, 8, 56, 64, 128, 1, 2),
    convolution(kernel, 8, 28, 16, 16, 5, 1),
    convolution(kernel, 4, 224, 3, 64, 7, 2),
  ]),
  ...(
    ['DepthwiseConv2dNativeBackpropFilter', 'DepthwiseConv2dNativeBackpropInput'] as const
  ).flatMap((kernel) => [
    depthwise(kernel, 8, 56, 64, 1),
    depthwise(kernel, 8, 56, 64, 2),
    depthwise(kernel, 8, 14, 256, 1),
    depthwise(kernel, 8, 7, 512, 1),
  ]),
  ...forms.map((form) => matMul([256], 49, 32, 49, form)),
  ...forms.map((form) => matMul([256], 49, 49, 32, form)),
  ...forms.map((form) => matMul([64], 148, 12, 148, form)),
  ...forms.map((form) => matMul([64], 147, 96, 147, form)),
  ...forms.map((form) => matMul([7], 64, 49, 64, form)),
  ...forms.map((form) => matMul([1000], 8, 8, 8, form)),
  ...forms.map((form) => matMul([1000], 4, 4, 4, form)),
  ...forms.map((form) => matMul([], 512, 512, 512, form)),
  ...forms.map((form) => matMul([], 1184, 768, 512, form)),
  ...forms.map((form) => matMul([], 1176, 768, 3072, form)),
  ...[1, 4, 16].flatMap((rows) => forms.map((form) => matMul([], rows, 768, 768, form))),
  matMul([], 1, 512, 7, 'AB'),
  matMul([], 64, 25088, 64, 'AᵀB'),
  {
    kernel: 'FusedConv2D',
    label: '8×56×56×64 → 64, 3×3, stride 1, bias, relu',
    inputs: { x: [8, 56, 56, 64], filter: [3, 3, 64, 64], bias: [64] },
    attrs: {
      strides: [1, 1],
      pad: 'same',
      dilations: [1, 1],
      dataFormat: 'NHWC',
      activation: 'relu',
    },
    flop: 2 * 8 * 56 * 56 * 9 * 64 * 64,
  },
  {
    kernel: '_FusedMatMul',
    label: 'A·Bᵀ + bias, relu [1184,768]·[768,512]',
    inputs: { a: [1, 1184, 768], b: [1, 512, 768], bias: [512] },
    attrs: { transposeA: false, transposeB: true, activation: 'relu' },
    flop: 2 * 1184 * 768 * 512,
  },
  {
    kernel: 'MaxPoolGrad',
    label: '8×56×56×64, 2×2, stride 2',
    inputs: { dy: [8, 28, 28, 64], input: [8, 56, 56, 64], output: [8, 28, 28, 64] },
    attrs: { filterSize: [2, 2], strides: [2, 2], pad: 'same' },
  },
  {
    kernel: 'MaxPoolGrad',
    label: '8×56×56×64, 3×3, stride 2',
    inputs: { dy: [8, 28, 28, 64], input: [8, 56, 56, 64], output: [8, 28, 28, 64] },
    attrs: { filterSize: [3, 3], strides: [2, 2], pad: 'same' },
  },
  ...['Sum', 'Mean'].flatMap((kernel): Case[] => [
    {
      kernel,
      label: '[8,56,56,64] over 0, 1, 2',
      inputs: { x: [8, 56, 56, 64] },
      attrs: { axis: [0, 1, 2] },
    },
    {
      kernel,
      label: '[8,7,7,512] over 0, 1, 2',
      inputs: { x: [8, 7, 7, 512] },
      attrs: { axis: [0, 1, 2] },
    },
    {
      kernel,
      label: '[8,56,56,64] over 1, 2',
      inputs: { x: [8, 56, 56, 64] },
      attrs: { axis: [1, 2] },
    },
    { kernel, label: '[1184,768] over 0', inputs: { x: [1184, 768] }, attrs: { axis: [0] } },
    { kernel, label: '[64,10] over 0', inputs: { x: [64, 10] }, attrs: { axis: [0] } },
    {
      kernel,
      label: '[8,56,56,64] over all',
      inputs: { x: [8, 56, 56, 64] },
      attrs: { axis: [0, 1, 2, 3] },
    },
  ]),
  {
    kernel: 'Tile',
    label: '[1,1,1,64] × [8,56,56,1]',
    inputs: { x: [1, 1, 1, 64] },
    attrs: { reps: [8, 56, 56, 1] },
  },
  {
    kernel: 'Tile',
    label: '[8,148,1] × [1,1,768]',
    inputs: { x: [8, 148, 1] },
    attrs: { reps: [1, 1, 768] },
  },
  {
    kernel: 'Slice',
    label: '[8,56,56,64] last image',
    inputs: { x: [8, 56, 56, 64] },
    attrs: { begin: [7, 0, 0, 0], size: [1, 56, 56, 64] },
  },
  {
    kernel: 'Slice',
    label: '[8,148,2304] middle third',
    inputs: { x: [8, 148, 2304] },
    attrs: { begin: [0, 0, 768], size: [8, 148, 768] },
  },
  {
    kernel: 'Slice',
    label: '[8,58,58,64] inner pixels',
    inputs: { x: [8, 58, 58, 64] },
    attrs: { begin: [0, 1, 1, 0], size: [8, 56, 56, 64] },
  },
  {
    kernel: 'SplitV',
    label: '[8,148,2304] in three',
    inputs: { x: [8, 148, 2304] },
    attrs: { numOrSizeSplits: [768, 768, 768], axis: 2 },
  },
  {
    kernel: 'Unpack',
    label: '[8,56,56,64]',
    inputs: { value: [8, 56, 56, 64] },
    attrs: { axis: 0 },
  },
  {
    kernel: 'Cast',
    label: '[8,56,56,64] to bool',
    inputs: { x: [8, 56, 56, 64] },
    attrs: { dtype: 'bool' },
  },
  {
    kernel: 'FusedBatchNorm',
    label: '[8,56,56,64]',
    inputs: { x: [8, 56, 56, 64], mean: [64], variance: [64], offset: [64], scale: [64] },
    attrs: { varianceEpsilon: 1e-3 },
  },
];

/** Milliseconds of the fastest run. */
function time(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  let spent = 0;
  for (let i = 0; i < 200 && (i < 3 || spent < 300); i++) {
    const ms = processorMs(run);
    spent += ms;
    best = Math.min(best, ms);
  }
  return best;
}

function timeKernel({ kernel, inputs, attrs }: Case): number {
  const tensors: tf.NamedTensorMap = {};
  for (const [name, shape] of Object.entries(inputs)) {
    tensors[name] = name === 'variance' ? tf.ones(shape) : tf.randomNormal(shape);
  }
  const best = time(() => tf.dispose(tf.engine().runKernel(kernel, tensors, attrs as Attrs)));
  tf.dispose(tensors);
  return best;
}

// First the kernels as tfjs-backend-wasm registers them, then ours.
const selected = casesOf(cases, process.argv[2]);
await tf.setBackend('wasm');
const stock = kernelsOf('wasm');
await import('../src/kernels/index.js');
const ours = kernelsOf('wasm');

console.log(
  `${machine()}, wasm SIMD ${await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')}, ` +
    `threads ${await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT')}\n`,
);
console.log('| kernel | case | stock ms | ours ms | faster | stock GFLOP/s | ours GFLOP/s |');
console.log('|---|---|---:|---:|---:|---:|---:|');
for (const c of selected) {
  const stockConfig = stock.get(c.kernel);
  let before: number | undefined;
  if (stockConfig) {
    useKernels([stockConfig]);
    before = timeKernel(c);
  }
  useKernels([ours.get(c.kernel)!]);
  const after = timeKernel(c);
  const rate = (ms: number) => (c.flop ? (c.flop / ms / 1e6).toFixed(1) : '');
  const [stockMs, faster, stockRate] = before
    ? [before.toFixed(2), `${(before / after).toFixed(1)}×`, rate(before)]
    : ['absent', '', ''];
  console.log(
    `| ${c.kernel} | ${c.label} | ${stockMs} | ${after.toFixed(2)} | ${faster} | ${stockRate} | ${rate(after)} |`,
  );
}
