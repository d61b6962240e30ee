/** What the benchmarks share: whose time counts, which kernels run, and on what machine. */
import { cpus, totalmem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';

/** Such as `AMD EPYC, 2 cores, 24 GiB; Node v20.20.2; TensorFlow.js 4.22.0`. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return (
    `${cpu?.model}, ${cpus().length} cores, ${memory} GiB; Node ${process.version}; ` +
    `TensorFlow.js ${tf.version_core}`
  );
}

/** Processor time of this process in milliseconds: unlike wall time, other processes do not lengthen it much. */
export function processorMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** The cases of kernels that have a part of a name in theirs; ends the program where there are none. */
export function casesOf<T extends { kernel: string }>(cases: readonly T[], part = ''): T[] {
  const found = cases.filter(({ kernel }) => kernel.includes(part));
  if (found.length > 0) return found;
  const names = [...new Set(cases.map(({ kernel }) => kernel))].join(', ');
  console.error(`no kernel has '${part}' in its name: there are ${names}`);
  process.exit(1);
}

export type Kernels = ReadonlyMap<string, tf.KernelConfig>;

/** The kernels that a backend has at present, by name. */
export function kernelsOf(backend: string): Kernels {
  return new Map(tf.getKernelsForBackend(backend).map((config) => [config.kernelName, config]));
}

/** Puts kernels in place of those that a backend has under their names. */
export function useKernels(kernels: Iterable<tf.KernelConfig>, backendName = 'wasm'): void {
  for (const config of kernels) {
    if (tf.getKernel(config.kernelName, backendName)) {
      tf.unregisterKernel(config.kernelName, backendName);
    }
    tf.registerKernel({ ...config, backendName });
  }
}
