import type { TensorInfo } from '@tensorflow/tfjs-core';
import { compiledKernels } from './compiled.js';
import { addressOf, floatsAt, type WasmBackend, withScratch } from './heap.js';
import { defineOpKernel, paddedSize, rowsOf } from './op_kernel.js';

interface Attrs {
  readonly epsilon: number;
}

/** Values of a tensor `[size]`, which stay valid until something allocates. */
function valuesOf(backend: WasmBackend, tensor: TensorInfo, size: number): Float32Array {
  return floatsAt(backend, addressOf(backend, tensor), size);
}

/** `y` = (x − mean) · factor + shift, channel by channel; all three at addresses. */
function normaliseBy(
  backend: WasmBackend,
  x: TensorInfo,
  mean: number,
  factor: number,
  shift: number,
): TensorInfo {
  const { rows, channels } = rowsOf(x);
  const y = backend.makeOutput(x.shape, 'float32');
  const [from, to] = [addressOf(backend, x), addressOf(backend, y)];
  compiledKernels(backend).normaliseColumns(from, mean, factor, shift, to, rows, channels);
  return y;
}

/** As {@link normaliseBy}, by arrays that are not in the heap or may not be read where they are. */
export function normalise(
  backend: WasmBackend,
  x: TensorInfo,
  ...statistics: [mean: Float32Array, factor: Float32Array, shift: Float32Array]
): TensorInfo {
  let y: TensorInfo | undefined;
  const sizes = statistics.map(({ length }) => length);
  withScratch(backend, sizes, (...addresses) => {
    statistics.forEach((values, i) => {
      floatsAt(backend, addresses[i]!, values.length).set(values);
    });
    y = normaliseBy(backend, x, ...(addresses as [number, number, number]));
  });
  return y!;
}

/** `BtnAffine`: x · scale + shift, in one pass. */
export const affine = defineOpKernel('BtnAffine', (backend, [x, scale, shift]) => {
  const { channels } = rowsOf(x!);
  let y: TensorInfo | undefined;
  withScratch(backend, [channels], (mean) => {
    floatsAt(backend, mean!, channels).fill(0);
    y = normaliseBy(backend, x!, mean!, addressOf(backend, scale!), addressOf(backend, shift!));
  });
  return [y!];
});

/** `BtnBatchNorm`: statistics in one pass, the output in another. */
export const batchNorm = defineOpKernel<Attrs>(
  'BtnBatchNorm',
  (backend, [x, gamma, beta], { epsilon }) => {
    const { rows, channels } = rowsOf(x!);
    const mean = backend.makeOutput([channels], 'float32');
    const variance = backend.makeOutput([channels], 'float32');
    withScratch(backend, [7 * paddedSize(channels)], (scratch) => {
      const [from, m, v] = [x!, mean, variance].map((t) => addressOf(backend, t!));
      compiledKernels(backend).batchStatistics(from!, m!, v!, rows, channels, scratch!);
    });
    const variances = valuesOf(backend, variance, channels);
    const gains = valuesOf(backend, gamma!, channels);
    const factors = gains.map((gain, c) => gain / Math.sqrt((variances[c] as number) + epsilon));
    const means = valuesOf(backend, mean, channels).slice();
    const shifts = valuesOf(backend, beta!, channels).slice();
    return [normalise(backend, x!, means, factors, shifts), mean, variance];
  },
);

/** `BtnBatchNormGrad`: sums in one pass, dx in another. See the composite for the formulas. */
export const batchNormGradient = defineOpKernel<Attrs>(
  'BtnBatchNormGrad',
  (backend, [dy, dMean, dVariance, x, gamma, mean, variance], { epsilon }) => {
    const { rows, channels } = rowsOf(x!);
    const dx = backend.makeOutput(x!.shape, 'float32');
    const dGamma = backend.makeOutput([channels], 'float32');
    const dBeta = backend.makeOutput([channels], 'float32');
    const at = (tensor: TensorInfo) => addressOf(backend, tensor);
    withScratch(backend, [6 * paddedSize(channels)], (scratch) => {
      compiledKernels(backend).columnProducts(
        at(dy!),
        at(x!),
        at(mean!),
        at(dBeta),
        at(dGamma),
        rows,
        channels,
        scratch!,
      );
    });
    withScratch(backend, [channels, channels, channels], (...addresses) => {
      const [factor, slope, offset] = addresses as [number, number, number];
      const of = (tensor: TensorInfo) => valuesOf(backend, tensor, channels);
      const [factors, slopes, offsets] = [factor, slope, offset].map((address) =>
        floatsAt(backend, address, channels),
      ) as [Float32Array, Float32Array, Float32Array];
      const [gammas, variances, dGammas, dBetas] = [
        of(gamma!),
        of(variance!),
        of(dGamma),
        of(dBeta),
      ];
      const [dMeans, dVariances] = [of(dMean!), of(dVariance!)];
      for (let c = 0; c < channels; c++) {
        const inverse = 1 / Math.sqrt(variances[c]! + epsilon);
        const gain = gammas[c]! * inverse;
        dGammas[c] = dGammas[c]! * inverse;
        factors[c] = gain;
        slopes[c] = (2 * dVariances[c]! - dGammas[c]! * inverse * gain) / rows;
        offsets[c] = (dMeans[c]! - dBetas[c]! * gain) / rows;
      }
      compiledKernels(backend).combineColumns(
        at(dy!),
        at(x!),
        at(mean!),
        factor,
        slope,
        offset,
        at(dx),
        rows,
        channels,
      );
    });
    return [dx, dGamma, dBeta];
  },
);
