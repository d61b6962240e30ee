/** Affine maps, activations, and the parts made of them. */
import { add, map, type NdArray, ndArray, zip } from './nd_array.js';

/** x·kernel + bias over the last axis. */
export function linear(x: NdArray, kernel: NdArray, bias?: NdArray): NdArray {
  const [inputs, outputs] = kernel.shape as [number, number];
  const product = ndArray([...x.shape.slice(0, -1), outputs], (at) => {
    const [row, o] = [Math.floor(at / outputs), at % outputs];
    let sum = 0;
    for (let i = 0; i < inputs; i++)
      sum += x.data[row * inputs + i]! * kernel.data[i * outputs + o]!;
    return sum;
  });
  return bias ? add(product, bias) : product;
}

/**
 * The error function: 2/√π · e^(−x²) · Σ 2ⁿ·x^(2n+1) / (2n+1)!!, whose terms all have one sign, so
 * that nothing cancels. Beyond 6 it is 1 to the last bit.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function gelu(x: NdArray): NdArray {
  return map(x, (v) => (v * (1 + erf(v / Math.SQRT2))) / 2);
}

export function relu(x: NdArray): NdArray {
  return map(x, (v) => Math.max(v, 0));
}

export function sigmoid(x: NdArray): NdArray {
  return map(x, (v) => 1 / (1 + Math.exp(-v)));
}

/** Slope alpha `[C]` for what is below 0. */
export function prelu(x: NdArray, alpha: NdArray): NdArray {
  return zip(x, alpha, (v, slope) => (v > 0 ? v : slope * v));
}

/** γ `[D]` times x. */
export function layerScale(x: NdArray, gamma: NdArray): NdArray {
  return zip(x, gamma, (v, g) => v * g);
}

export interface MlpWeights {
  kernel1: NdArray;
  bias1?: NdArray;
  kernel2: NdArray;
  bias2?: NdArray;
}

export function mlp(x: NdArray, { kernel1, bias1, kernel2, bias2 }: MlpWeights): NdArray {
  return linear(gelu(linear(x, kernel1, bias1)), kernel2, bias2);
}

/** x·sigmoid(W2·relu(W1·x)) */
export function featureGate(x: NdArray, { kernel1, bias1, kernel2, bias2 }: MlpWeights): NdArray {
  const gate = sigmoid(linear(relu(linear(x, kernel1, bias1)), kernel2, bias2));
  return zip(x, gate, (v, g) => v * g);
}

/** A gate on the channels of `[B, H, W, C]` from their spatial means. */
export function squeezeExcite(x: NdArray, { kernel1, kernel2 }: MlpWeights): NdArray {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const pixels = height * width;
  const means = ndArray([batch, channels], (at) => {
    const [b, c] = [Math.floor(at / channels), at % channels];
    let sum = 0;
    for (let p = 0; p < pixels; p++) sum += x.data[(b * pixels + p) * channels + c]!;
    return sum / pixels;
  });
  const gate = sigmoid(linear(relu(linear(means, kernel1)), kernel2));
  return map(x, (v, i) => {
    const b = Math.floor(i / (pixels * channels));
    return v * gate.data[b * channels + (i % channels)]!;
  });
}

/** Each sample times 1/(1−rate) where it is kept and 0 where it is dropped. */
export function dropPath(x: NdArray, kept: readonly boolean[], rate: number): NdArray {
  const perSample = x.data.length / x.shape[0]!;
  return map(x, (v, i) => (kept[Math.floor(i / perSample)] ? v / (1 - rate) : 0));
}
