/** Attention as the papers define it, in loops. */
import { linear } from './dense.js';
import {
  add,
  concatTokens,
  map,
  type NdArray,
  ndArray,
  sliceTokens,
  softmax,
  splitLast,
} from './nd_array.js';

export interface ClassBatchOptions {
  scale?: number;
  /** `[B]` of 0 and 1. */
  mask?: NdArray;
}

/** `[B, C, E]`, `[B, C, E]` → `[C, B, B]`: softmax over j of query[i,c]·key[j,c] / √C. */
export function classBatchAttentionWeights(
  query: NdArray,
  key: NdArray,
  { scale, mask }: ClassBatchOptions = {},
): NdArray {
  const [batch, classes, features] = query.shape as [number, number, number];
  const factor = scale ?? 1 / Math.sqrt(classes);
  const present = Array.from({ length: batch }, (_, i) => i).filter((i) => mask?.data[i] !== 0);
  const weights = ndArray([classes, batch, batch], () => 0);
  for (let c = 0; c < classes; c++) {
    for (const i of present) {
      const scores = present.map((j) => {
        let dot = 0;
        for (let e = 0; e < features; e++) {
          const [q, k] = [(i * classes + c) * features + e, (j * classes + c) * features + e];
          dot += query.data[q]! * key.data[k]!;
        }
        return dot * factor;
      });
      softmax(scores).forEach((weight, at) => {
        weights.data[(c * batch + i) * batch + present[at]!] = weight;
      });
    }
  }
  return weights;
}

/** out[i,c] = Σ_j A_c[i,j]·value[j,c]; what is masked does not count, whatever it holds. */
export function classBatchAttention(
  query: NdArray,
  key: NdArray,
  value: NdArray,
  options: ClassBatchOptions = {},
): NdArray {
  const [batch, classes] = value.shape as [number, number];
  const weights = classBatchAttentionWeights(query, key, options);
  return ndArray([batch, classes], (at) => {
    const [i, c] = [Math.floor(at / classes), at % classes];
    let sum = 0;
    for (let j = 0; j < batch; j++) {
      if (options.mask?.data[j] === 0) continue;
      sum += weights.data[(c * batch + i) * batch + j]! * value.data[j * classes + c]!;
    }
    return sum;
  });
}

/** `[C, E]`: sin(c / 10000^(2·⌊i/2⌋/E)) for even i, cos for odd. */
export function channelPositionalEncoding(classes: number, features: number): NdArray {
  return ndArray([classes, features], (at) => {
    const [c, i] = [Math.floor(at / features), at % features];
    const angle = c / 10000 ** ((2 * Math.floor(i / 2)) / features);
    return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}

/** `[cba, bt]` of query, key, value; `encoding` `[C, E]` is added to query and key. */
export function batchTransformer(
  query: NdArray,
  key: NdArray,
  value: NdArray,
  encoding: NdArray,
  options: ClassBatchOptions = {},
): [cba: NdArray, bt: NdArray, attention: NdArray] {
  const encoded = [add(query, encoding), add(key, encoding)] as const;
  const cba = classBatchAttention(...encoded, value, options);
  const classes = value.shape[1]!;
  const { mask } = options;
  const present = map(value, (v, i) => (mask?.data[Math.floor(i / classes)] === 0 ? 0 : v));
  return [cba, add(cba, present), classBatchAttentionWeights(...encoded, options)];
}

export interface HeadsOptions {
  numHeads: number;
  scale?: number;
  /** `[heads, N, M]` */
  bias?: NdArray;
}

/** softmax(scale·Q·Kᵀ + bias)·V in each head; `[B, N, D]`, `[B, M, D]`, `[B, M, D]` → `[B, N, D]`. */
export function scaledDotProductAttention(
  query: NdArray,
  key: NdArray,
  value: NdArray,
  { numHeads, scale, bias }: HeadsOptions,
): NdArray {
  const [batch, tokens, width] = query.shape as [number, number, number];
  const sources = key.shape[1]!;
  const perHead = width / numHeads;
  const factor = scale ?? 1 / Math.sqrt(perHead);
  const out = ndArray([batch, tokens, width], () => 0);
  const at = (b: number, length: number, n: number, head: number) =>
    (b * length + n) * width + head * perHead;
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < numHeads; head++) {
      for (let n = 0; n < tokens; n++) {
        const q = at(b, tokens, n, head);
        const scores = Array.from({ length: sources }, (_, m) => {
          const k = at(b, sources, m, head);
          let dot = 0;
          for (let d = 0; d < perHead; d++) dot += query.data[q + d]! * key.data[k + d]!;
          return dot * factor + (bias ? bias.data[(head * tokens + n) * sources + m]! : 0);
        });
        softmax(scores).forEach((weight, m) => {
          const v = at(b, sources, m, head);
          for (let d = 0; d < perHead; d++) out.data[q + d]! += weight * value.data[v + d]!;
        });
      }
    }
  }
  return out;
}

export interface Projection {
  kernel: NdArray;
  bias: NdArray;
}

export interface MultiLevelWeights {
  query: Projection;
  key: Projection;
  value?: Projection;
  output?: Projection;
  /** `[1, N, D]` */
  positionEmbedding?: NdArray;
}

/** Y = X + attention(X+P, X+P, X), cut back into the levels. */
export function multiLevelAttention(
  levels: readonly NdArray[],
  { query, key, value, output, positionEmbedding }: MultiLevelWeights,
  numHeads: number,
): NdArray[] {
  const project = (x: NdArray, p: Projection) => linear(x, p.kernel, p.bias);
  const tokens = concatTokens(levels);
  const located = positionEmbedding ? add(tokens, positionEmbedding) : tokens;
  const attended = scaledDotProductAttention(
    project(located, query),
    project(located, key),
    value ? project(tokens, value) : tokens,
    { numHeads },
  );
  const mixed = add(tokens, output ? project(attended, output) : attended);
  let begin = 0;
  return levels.map((level) => {
    const count = level.shape[1]!;
    begin += count;
    return sliceTokens(mixed, begin - count, count);
  });
}

/** Table `[(2w−1)², heads]` → `[heads, w², w²]`, by row and column distance of query and key. */
export function relativePositionBias(table: NdArray, side: number): NdArray {
  const heads = table.shape[1]!;
  const positions = side ** 2;
  const span = 2 * side - 1;
  return ndArray([heads, positions, positions], (i) => {
    const head = Math.floor(i / positions ** 2);
    const [query, key] = [Math.floor(i / positions) % positions, i % positions];
    const rows = Math.floor(query / side) - Math.floor(key / side);
    const columns = (query % side) - (key % side);
    const row = (rows + side - 1) * span + (columns + side - 1);
    return table.data[row * heads + head]!;
  });
}

export interface LandmarkWeights {
  keyValue: Projection;
  output: Projection;
  /** `[(2w−1)², heads]` */
  table: NdArray;
}

/** Unprojected landmarks ask, projected image tokens answer. */
export function landmarkAttention(
  image: NdArray,
  landmarks: NdArray,
  { keyValue, output, table }: LandmarkWeights,
): NdArray {
  const [key, value] = splitLast(linear(image, keyValue.kernel, keyValue.bias), 2);
  const attended = scaledDotProductAttention(landmarks, key!, value!, {
    numHeads: table.shape[1]!,
    bias: relativePositionBias(table, Math.sqrt(image.shape[1]!)),
  });
  return linear(attended, output.kernel, output.bias);
}

/** One projection to query, key and value, attention, output projection. */
export function selfAttention(
  x: NdArray,
  input: Projection,
  output: Projection,
  numHeads: number,
): NdArray {
  const [query, key, value] = splitLast(linear(x, input.kernel, input.bias), 3);
  const attended = scaledDotProductAttention(query!, key!, value!, { numHeads });
  return linear(attended, output.kernel, output.bias);
}
