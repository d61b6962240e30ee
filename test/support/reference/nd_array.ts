import { type NdArray, ndArray } from '../../../src/testing/arrays.js';

export { type NdArray, ndArray };

export function map(x: NdArray, f: (value: number, index: number) => number): NdArray {
  return ndArray(x.shape, (i) => f(x.data[i]!, i));
}

/** Element by element; `b` repeats along the leading axes of `a` that it lacks or has size 1 in. */
export function zip(a: NdArray, b: NdArray, f: (a: number, b: number) => number): NdArray {
  return map(a, (value, i) => f(value, b.data[i % b.data.length]!));
}

export function add(a: NdArray, b: NdArray): NdArray {
  return zip(a, b, (x, y) => x + y);
}

/** Cuts the last axis into parts of equal size. */
export function splitLast(x: NdArray, parts: number): NdArray[] {
  const width = x.shape.at(-1)!;
  const size = width / parts;
  const shape = [...x.shape.slice(0, -1), size];
  return Array.from({ length: parts }, (_, part) =>
    ndArray(shape, (i) => x.data[Math.floor(i / size) * width + part * size + (i % size)]!),
  );
}

/** Joins token maps `[B, N_l, D]` along their tokens. */
export function concatTokens(maps: readonly NdArray[]): NdArray {
  const [batch, , width] = maps[0]!.shape as [number, number, number];
  const total = maps.reduce((sum, m) => sum + m.shape[1]!, 0);
  const values: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (const { shape, data } of maps) {
      const size = shape[1]! * width;
      values.push(...data.subarray(b * size, (b + 1) * size));
    }
  }
  return ndArray([batch, total, width], values);
}

/** Tokens `begin` to `begin + count − 1` of `[B, N, D]`. */
export function sliceTokens(x: NdArray, begin: number, count: number): NdArray {
  const [batch, tokens, width] = x.shape as [number, number, number];
  return ndArray([batch, count, width], (i) => {
    const b = Math.floor(i / (count * width));
    return x.data[b * tokens * width + begin * width + (i % (count * width))]!;
  });
}

/** Softmax of a list, safe for large scores. */
export function softmax(scores: readonly number[]): number[] {
  const top = Math.max(...scores);
  const powers = scores.map((s) => Math.exp(s - top));
  const total = powers.reduce((sum, p) => sum + p, 0);
  return powers.map((p) => p / total);
}
