import {
  addProducts,
  addTransposed,
  columnsOf,
  keyedRows,
  multiplyColumned,
  multiplyKeyed,
  packColumned,
  packEights,
  packKeyed,
  packStrip,
  unpackEights,
} from './attention_pack';
import { exponentials, scalarGradients, scaleLanes, scoreGradients } from './attention_softmax';
import { QUERIES, ROW } from './attention_tiles';
import { EXP_CONSTANTS, writeExpConstants } from './exp';
import { sumOf, VECTOR } from './simd';

/**
 * Multi-head attention and its gradients, `softmax(scale · Q·Kᵀ + bias) · V`, one head of one sample
 * after the other. Scores exist for a strip of 16 queries at a time: scratch memory grows with
 * the tokens, not with their square. Gradients compute the scores anew.
 */

/**
 * Addresses and sizes of an attention, which the caller writes as consecutive words of 32 bits. The
 * output and its gradient are `[batch, queries, heads · width]`; gradients have the shapes of what
 * they are of.
 */
@unmanaged
export class Attention {
  /** `[batch, queries, heads · depth]` */
  query: usize;
  /** `[batch, keys, heads · depth]` */
  key: usize;
  /** `[batch, keys, heads · width]` */
  value: usize;
  /** `[heads, queries, keys]`, or 0. */
  bias: usize;
  batch: usize;
  heads: usize;
  queries: usize;
  keys: usize;
  /** Features of a head's query and key. */
  depth: usize;
  /** Features of a head's value. */
  width: usize;
  /** Factor of the scores. */
  scale: f32;
}

/** Bytes from one query or key to the next. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function queryStrideOf(attention: Attention): usize {
  return attention.heads * attention.depth * 4;
}

/** Bytes from one value or output to the next. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function valueStrideOf(attention: Attention): usize {
  return attention.heads * attention.width * 4;
}

/** Bytes that the processor fetches together: no vector of a strip should lie in two of them. */
const CACHE_LINE: usize = 64;

/** Scores times this are powers of two. */
const LOG2_E: f32 = 1.44269502;

function aligned(address: usize): usize {
  return (address + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
}

/** Bytes of scratch that {@link attend} needs. */
export function attendScratch(attention: Attention): usize {
  const rows = keyedRows(attention.keys);
  const columns = columnsOf(attention.width);
  const packed = rows * attention.depth + attention.keys * columns;
  const strips = QUERIES * (attention.depth + rows + columns + 1);
  return CACHE_LINE + EXP_CONSTANTS + 4 * (packed + strips);
}

export function attend(attention: Attention, out: usize, scratch: usize): void {
  const queryStride = queryStrideOf(attention);
  const valueStride = valueStrideOf(attention);
  const queries = attention.queries;
  const keys = attention.keys;
  writeExpConstants(aligned(scratch));
  memory.fill(out, 0, attention.batch * queries * valueStride);
  for (let sample: usize = 0; sample < attention.batch; sample++) {
    for (let head: usize = 0; head < attention.heads; head++) {
      const inDepth = head * attention.depth * 4;
      const inWidth = head * attention.width * 4;
      const query = attention.query + sample * queries * queryStride + inDepth;
      const key = attention.key + sample * keys * queryStride + inDepth;
      const value = attention.value + sample * keys * valueStride + inWidth;
      const bias = attention.bias ? attention.bias + head * queries * keys * 4 : 0;
      const output = out + sample * queries * valueStride + inWidth;
      attendHead(attention, query, key, value, bias, output, scratch);
    }
  }
}

function attendHead(
  attention: Attention,
  query: usize,
  key: usize,
  value: usize,
  bias: usize,
  out: usize,
  scratch: usize,
): void {
  const queries = attention.queries;
  const keys = attention.keys;
  const depth = attention.depth;
  const width = attention.width;
  const scale = attention.scale;
  const queryStride = queryStrideOf(attention);
  const valueStride = valueStrideOf(attention);
  const rows = keyedRows(keys);
  const columns = columnsOf(width);
  const constants = aligned(scratch);
  const inverse = constants + EXP_CONSTANTS;
  const queryStrip = inverse + ROW;
  const scores = queryStrip + depth * ROW;
  const outputs = scores + rows * ROW;
  const keyed = outputs + columns * ROW;
  const columned = keyed + rows * depth * 4;

  packKeyed(key, queryStride, keys, depth, keyed);
  packColumned(value, valueStride, keys, width, columned);
  for (let first: usize = 0; first < queries; first += QUERIES) {
    const count = min<usize>(QUERIES, queries - first);
    packStrip(query + first * queryStride, queryStride, count, depth, scale * LOG2_E, queryStrip);
    multiplyKeyed(keyed, rows, queryStrip, depth, count, scores);
    if (bias) addTransposed(bias + first * keys * 4, keys * 4, count, keys, LOG2_E, scores, ROW);
    exponentials(scores, keys, count, inverse, constants);
    multiplyColumned(columned, width, scores, keys, count, outputs);
    scaleLanes(outputs, width, inverse);
    addTransposed(outputs, ROW, width, count, 1, out + first * valueStride, valueStride);
  }
}

/** Bytes of scratch that {@link attendGradients} needs. */
export function attendGradientsScratch(attention: Attention): usize {
  const rows = keyedRows(attention.keys);
  const both = attention.depth + attention.width;
  const eights = roundedUp(attention.depth) + roundedUp(attention.width);
  const columns = columnsOf(attention.depth);
  const packed = rows * (both + eights) + attention.keys * columns;
  const strips = QUERIES * (both + eights + 2 * rows + columns + 1);
  return CACHE_LINE + EXP_CONSTANTS + 4 * (packed + strips);
}

/** Columns in eights, with padding. */
function roundedUp(width: usize): usize {
  return (width + 7) & ~7;
}

/** `dBias` is 0 where `bias` is. */
export function attendGradients(
  attention: Attention,
  dy: usize,
  dQuery: usize,
  dKey: usize,
  dValue: usize,
  dBias: usize,
  scratch: usize,
): void {
  const queryStride = queryStrideOf(attention);
  const valueStride = valueStrideOf(attention);
  const queries = attention.queries;
  const keys = attention.keys;
  const biasBytes = attention.bias ? queries * keys * 4 : 0;
  writeExpConstants(aligned(scratch));
  memory.fill(dQuery, 0, attention.batch * queries * queryStride);
  memory.fill(dBias, 0, attention.heads * biasBytes);
  for (let sample: usize = 0; sample < attention.batch; sample++) {
    for (let head: usize = 0; head < attention.heads; head++) {
      const inDepth = head * attention.depth * 4;
      const inWidth = head * attention.width * 4;
      const query = sample * queries * queryStride + inDepth;
      const key = sample * keys * queryStride + inDepth;
      const value = sample * keys * valueStride + inWidth;
      const output = sample * queries * valueStride + inWidth;
      const bias = head * biasBytes;
      attendHeadGradients(
        attention,
        dy + output,
        attention.query + query,
        attention.key + key,
        attention.value + value,
        attention.bias + bias,
        dQuery + query,
        dKey + key,
        dValue + value,
        dBias + bias,
        scratch,
      );
    }
  }
}

function attendHeadGradients(
  attention: Attention,
  dy: usize,
  query: usize,
  key: usize,
  value: usize,
  bias: usize,
  dQuery: usize,
  dKey: usize,
  dValue: usize,
  dBias: usize,
  scratch: usize,
): void {
  const queries = attention.queries;
  const keys = attention.keys;
  const depth = attention.depth;
  const width = attention.width;
  const scale = attention.scale;
  const queryStride = queryStrideOf(attention);
  const valueStride = valueStrideOf(attention);
  const rows = keyedRows(keys);
  const columns = columnsOf(depth);
  const constants = aligned(scratch);
  const inverse = constants + EXP_CONSTANTS;
  const queryStrip = inverse + ROW;
  const dyStrip = queryStrip + depth * ROW;
  const queryEights = dyStrip + width * ROW;
  const dyEights = queryEights + roundedUp(depth) * ROW;
  const weights = dyEights + roundedUp(width) * ROW;
  const gradients = weights + rows * ROW;
  const outputs = gradients + rows * ROW;
  const keySums = outputs + columns * ROW;
  const valueSums = keySums + rows * roundedUp(depth) * 4;
  const keyed = valueSums + rows * roundedUp(width) * 4;
  const valueKeyed = keyed + rows * depth * 4;
  const columned = valueKeyed + rows * width * 4;

  packKeyed(key, queryStride, keys, depth, keyed);
  packKeyed(value, valueStride, keys, width, valueKeyed);
  packColumned(key, queryStride, keys, depth, columned);
  memory.fill(keySums, 0, keyed - keySums);
  for (let first: usize = 0; first < queries; first += QUERIES) {
    const count = min<usize>(QUERIES, queries - first);
    const queryAt = query + first * queryStride;
    const dyAt = dy + first * valueStride;
    const biasOffset = first * keys * 4;
    packStrip(queryAt, queryStride, count, depth, scale * LOG2_E, queryStrip);
    multiplyKeyed(keyed, rows, queryStrip, depth, count, weights);
    if (bias) addTransposed(bias + biasOffset, keys * 4, count, keys, LOG2_E, weights, ROW);
    exponentials(weights, keys, count, inverse, constants);

    packStrip(dyAt, valueStride, count, width, 1, dyStrip);
    if (width === 1) {
      scalarGradients(
        weights,
        inverse,
        value,
        valueStride,
        dyStrip,
        gradients,
        valueSums,
        keys,
        count,
      );
    } else {
      multiplyKeyed(valueKeyed, rows, dyStrip, width, count, gradients);
      scoreGradients(weights, inverse, gradients, keys, count);
      packEights(dyAt, valueStride, count, width, 1, inverse, dyEights);
      addProducts(weights, rows, dyEights, width, count, valueSums);
    }
    if (bias) addTransposed(gradients, ROW, keys, count, 1, dBias + biasOffset, keys * 4);

    packEights(queryAt, queryStride, count, depth, scale, 0, queryEights);
    addProducts(gradients, rows, queryEights, depth, count, keySums);
    multiplyColumned(columned, depth, gradients, keys, count, outputs);
    addTransposed(outputs, ROW, depth, count, scale, dQuery + first * queryStride, queryStride);
  }
  unpackEights(keySums, rows, keys, depth, dKey, queryStride);
  if (width === 1) {
    for (let i: usize = 0; i < keys; i++) {
      store<f32>(dValue + i * valueStride, sumOf(v128.load(valueSums + i * VECTOR)));
    }
  } else {
    unpackEights(valueSums, rows, keys, width, dValue, valueStride);
  }
}
