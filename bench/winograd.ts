/**
 * Times 3×3 convolutions and their gradients by Winograd's algorithm against the direct product, whether or not the
 * kernels would choose it. Rounds alternate; medians of processor time; GFLOP/s are those of the direct form. Prints a
 * Markdown table. Run: `npx tsx bench/winograd.ts`.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import '../src/kernels/index.js';
import { type CompiledKernels, compiledKernels } from '../src/kernels/wasm/compiled.js';
import { conv2dInfo } from '../src/kernels/wasm/conv2d_info.js';
import { addressOf, type WasmBackend } from '../src/kernels/wasm/heap.js';
import { type Windows, windowsOf, withWindows } from '../src/kernels/wasm/windows.js';
import { winogradPays } from '../src/kernels/wasm/winograd.js';
import { machine, median, processorMs } from './measure.js';

const ROUNDS = 9;

/** Batch, height and width, channels, channels of the output. */
const shapes = [
  [8, 112, 64, 64],
  [8, 56, 64, 64],
  [8, 56, 64, 128],
  [8, 28, 128, 128],
  [8, 14, 256, 256],
  [8, 7, 512, 512],
  [1, 56, 64, 64],
  [1, 28, 128, 128],
  [1, 14, 256, 256],
  [8, 28, 8, 8],
  [8, 28, 16, 16],
  [8, 28, 32, 32],
  [8, 28, 64, 8],
  [16, 3, 128, 128],
  [2, 7, 64, 64],
  [2, 7, 256, 256],
  [1, 10, 256, 256],
  [2, 9, 8, 200],
  [1, 7, 64, 64],
  [1, 7, 256, 256],
  [8, 5, 256, 256],
] as const;

await tf.setBackend('wasm');
const backend = tf.backend() as unknown as WasmBackend;
const kernels = compiledKernels(backend);

interface Operands {
  x: tf.Tensor;
  filter: tf.Tensor;
  dy: tf.Tensor;
}

type Run = (operands: Operands, windows: Windows) => void;

/** A convolution of `image` that writes over `out`. */
function convolve(
  kernel: CompiledKernels['convolve'],
  scratchOf: CompiledKernels['convolveScratch'],
  [image, filter, out]: readonly tf.Tensor[],
  windows: Windows,
  transpose: number,
): void {
  const [imageAt, filterAt, outAt] = [image!, filter!, out!].map((t) => addressOf(backend, t));
  withWindows(backend, windows, scratchOf, (at, scratch) =>
    kernel(at, imageAt!, filterAt!, outAt!, transpose, 0, scratch),
  );
}

function filterGradient(
  kernel: CompiledKernels['filterGradient'],
  scratchOf: CompiledKernels['filterGradientScratch'],
  { x, dy, filter }: Operands,
  windows: Windows,
): void {
  const [xAt, dyAt, outAt] = [x, dy, filter].map((t) => addressOf(backend, t));
  withWindows(backend, windows, scratchOf, (at, scratch) =>
    kernel(at, xAt!, dyAt!, outAt!, scratch),
  );
}

/** The windows of the input gradient: those of dy, with the taps in reverse. */
function flipped(windows: Windows): Windows {
  return {
    ...windows,
    channels: windows.outChannels,
    outChannels: windows.channels,
    filterTop: 2,
    filterLeft: 2,
    filterStepHeight: -1,
    filterStepWidth: -1,
  };
}

/** Each operation directly, then by Winograd's algorithm. */
const operations: Record<string, readonly [Run, Run]> = {
  Conv2D: [
    ({ x, filter, dy }, w) =>
      convolve(kernels.convolve, kernels.convolveScratch, [x, filter, dy], w, 0),
    ({ x, filter, dy }, w) =>
      convolve(kernels.winograd, kernels.winogradScratch, [x, filter, dy], w, 0),
  ],
  Conv2DBackpropFilter: [
    (operands, w) =>
      filterGradient(kernels.filterGradient, kernels.filterGradientScratch, operands, w),
    (operands, w) =>
      filterGradient(
        kernels.winogradFilterGradient,
        kernels.winogradFilterGradientScratch,
        operands,
        w,
      ),
  ],
  Conv2DBackpropInput: [
    ({ x, filter, dy }, w) =>
      convolve(kernels.convolve, kernels.convolveScratch, [dy, filter, x], flipped(w), 1),
    ({ x, filter, dy }, w) =>
      convolve(kernels.winograd, kernels.winogradScratch, [dy, filter, x], flipped(w), 1),
  ],
};

/** Milliseconds a run, median and extremes, of both runs in alternation. */
function timePair(runs: readonly [() => void, () => void], repeats: number) {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, run] of runs.entries()) {
      const repeated = () => {
        for (let j = 0; j < repeats; j++) run();
      };
      times[i]!.push(processorMs(repeated) / repeats);
    }
  }
  return times.map((list) => ({
    ms: median(list),
    from: Math.min(...list),
    to: Math.max(...list),
  }));
}

console.log(`${machine()}, wasm; ${ROUNDS} alternating rounds\n`);
console.log(
  '| kernel | 3×3, stride 1 | chosen | direct ms | Winograd ms | spread | faster | direct GFLOP/s | Winograd GFLOP/s |',
);
console.log('|---|---|---|---:|---:|---:|---:|---:|---:|');
for (const [batch, size, inChannels, outChannels] of shapes) {
  const [x, filter, dy] = [
    [batch, size, size, inChannels],
    [3, 3, inChannels, outChannels],
    [batch, size, size, outChannels],
  ].map((shape) => tf.randomNormal(shape)) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const windows = windowsOf(conv2dInfo(x.shape, filter.shape, { strides: [1, 1], pad: 'same' }));
  const flop = 2 * batch * size * size * 9 * inChannels * outChannels;
  const repeats = Math.min(50, Math.ceil(4e8 / flop));
  for (const [name, [direct, winograd]] of Object.entries(operations)) {
    const operands = { x, filter, dy };
    const [d, w] = timePair(
      [() => direct(operands, windows), () => winograd(operands, windows)],
      repeats,
    );
    const rate = (ms: number) => (flop / ms / 1e6).toFixed(1);
    console.log(
      `| ${name} | ${batch}×${size}×${size}×${inChannels} → ${outChannels} ` +
        `| ${winogradPays(windows) ? 'Winograd' : 'direct'} | ${d!.ms.toFixed(2)} | ${w!.ms.toFixed(2)} ` +
        `| ${w!.from.toFixed(2)}–${w!.to.toFixed(2)} | ${(d!.ms / w!.ms).toFixed(2)}× | ${rate(d!.ms)} | ${rate(w!.ms)} |`,
    );
  }
  tf.dispose([x, filter, dy]);
}
