/** Normalisation as PyTorch does it: the variance biased, ε added to it. */
import { map, type NdArray, ndArray } from './nd_array.js';

/** Statistics of the batch over all axes but the last. */
export function batchNorm(
  x: NdArray,
  gamma: NdArray,
  beta: NdArray,
  epsilon: number,
): [output: NdArray, mean: NdArray, variance: NdArray] {
  const channels = gamma.data.length;
  const mean = overRows(x, channels, (v) => v);
  const variance = overRows(x, channels, (v, c) => (v - mean.data[c]!) ** 2);
  return [batchNormWith(x, gamma, beta, mean, variance, epsilon), mean, variance];
}

export function batchNormWith(
  x: NdArray,
  gamma: NdArray,
  beta: NdArray,
  mean: NdArray,
  variance: NdArray,
  epsilon: number,
): NdArray {
  const channels = gamma.data.length;
  return map(x, (v, i) => {
    const c = i % channels;
    const normalised = (v - mean.data[c]!) / Math.sqrt(variance.data[c]! + epsilon);
    return normalised * gamma.data[c]! + beta.data[c]!;
  });
}

/** Statistics of each row of the last axis. */
export function layerNorm(x: NdArray, gamma: NdArray, beta: NdArray, epsilon: number): NdArray {
  const width = gamma.data.length;
  const rows = Array.from({ length: x.data.length / width }, (_, row) => {
    const values = x.data.subarray(row * width, (row + 1) * width);
    const mean = values.reduce((sum, v) => sum + v, 0) / width;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
    return { mean, deviation: Math.sqrt(variance + epsilon) };
  });
  return map(x, (v, i) => {
    const { mean, deviation } = rows[Math.floor(i / width)]!;
    return ((v - mean) / deviation) * gamma.data[i % width]! + beta.data[i % width]!;
  });
}

/** Mean over the rows of `f(value, channel)`. */
function overRows(x: NdArray, channels: number, f: (value: number, c: number) => number): NdArray {
  const count = x.data.length / channels;
  const sums = new Float64Array(channels);
  x.data.forEach((v, i) => {
    sums[i % channels]! += f(v, i % channels);
  });
  return ndArray([channels], (c) => sums[c]! / count);
}
