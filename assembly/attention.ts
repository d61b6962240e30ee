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
 *
 * Query and its gradient are `[batch, queries, heads · depth]`, key `[batch, keys, heads · depth]`,
 * value `[batch, keys, heads · width]`, the output `[batch, queries, heads · width]`, the bias
 * `[heads, queries, keys]`, or absent if its address is 0.
 */

/** Bytes that the processor fetches together: no vector of a strip should lie in two of them. */
const CACHE_LINE: usize = 64;

/** Scores times this are powers of two. */
const LOG2_E: f32 = 1.44269502;

function aligned(address: usize): usize {
  return (address + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
}

/** Bytes of scratch that {@link attend} needs. */
export function attendScratch(keys: usize, depth: usize, width: usize): usize {
  const rows = keyedRows(keys);
  const columns = columnsOf(width);
  const packed = rows * depth + keys * columns;
  return CACHE_LINE + EXP_CONSTANTS + 4 * (packed + QUERIES * (depth + rows + columns + 1));
}

export function attend(
  query: usize,
  key: usize,
  value: usize,
  bias: usize,
  out: usize,
  batch: usize,
  heads: usize,
  queries: usize,
  keys: usize,
  depth: usize,
  width: usize,
  scale: f32,
  scratch: usize,
): void {
  const queryStride = heads * depth * 4;
  const outStride = heads * width * 4;
  writeExpConstants(aligned(scratch));
  memory.fill(out, 0, batch * queries * outStride);
  for (let sample: usize = 0; sample < batch; sample++) {
    for (let head: usize = 0; head < heads; head++) {
      const queryAt = query + sample * queries * queryStride + head * depth * 4;
      const keyAt = key + sample * keys * queryStride + head * depth * 4;
      const valueAt = value + sample * keys * outStride + head * width * 4;
      const outAt = out + sample * queries * outStride + head * width * 4;
      const biasAt = bias ? bias + head * queries * keys * 4 : 0;
      attendHead(
        queryAt,
        queryStride,
        keyAt,
        valueAt,
        outStride,
        biasAt,
        outAt,
        queries,
        keys,
        depth,
        width,
        scale,
        scratch,
      );
    }
  }
}

function attendHead(
  query: usize,
  queryStride: usize,
  key: usize,
  value: usize,
  valueStride: usize,
  bias: usize,
  out: usize,
  queries: usize,
  keys: usize,
  depth: usize,
  width: usize,
  scale: f32,
  scratch: usize,
): void {
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
export function attendGradientsScratch(keys: usize, depth: usize, width: usize): usize {
  const rows = keyedRows(keys);
  const eights = roundedUp(depth) + roundedUp(width);
  const columns = columnsOf(depth);
  const packed = rows * (depth + width + eights) + keys * columns;
  const strips = QUERIES * (depth + width + eights + 2 * rows + columns + 1);
  return CACHE_LINE + EXP_CONSTANTS + 4 * (packed + strips);
}

/** Columns in eights, with padding. */
function roundedUp(width: usize): usize {
  return (width + 7) & ~7;
}

/** `dBias` is 0 where `bias` is. */
export function attendGradients(
  dy: usize,
  query: usize,
  key: usize,
  value: usize,
  bias: usize,
  dQuery: usize,
  dKey: usize,
  dValue: usize,
  dBias: usize,
  batch: usize,
  heads: usize,
  queries: usize,
  keys: usize,
  depth: usize,
  width: usize,
  scale: f32,
  scratch: usize,
): void {
  const queryStride = heads * depth * 4;
  const valueStride = heads * width * 4;
  writeExpConstants(aligned(scratch));
  memory.fill(dQuery, 0, batch * queries * queryStride);
  if (bias) memory.fill(dBias, 0, heads * queries * keys * 4);
  for (let sample: usize = 0; sample < batch; sample++) {
    for (let head: usize = 0; head < heads; head++) {
      const queryOffset = sample * queries * queryStride + head * depth * 4;
      const keyOffset = sample * keys * queryStride + head * depth * 4;
      const valueOffset = sample * keys * valueStride + head * width * 4;
      const outOffset = sample * queries * valueStride + head * width * 4;
      const biasOffset = bias ? head * queries * keys * 4 : 0;
      attendHeadGradients(
        dy + outOffset,
        query + queryOffset,
        queryStride,
        key + keyOffset,
        value + valueOffset,
        valueStride,
        bias + biasOffset,
        dQuery + queryOffset,
        dKey + keyOffset,
        dValue + valueOffset,
        dBias + biasOffset,
        queries,
        keys,
        depth,
        width,
        scale,
        scratch,
      );
    }
  }
}

function attendHeadGradients(
  dy: usize,
  query: usize,
  queryStride: usize,
  key: usize,
  value: usize,
  valueStride: usize,
  bias: usize,
  dQuery: usize,
  dKey: usize,
  dValue: usize,
  dBias: usize,
  queries: usize,
  keys: usize,
  depth: usize,
  width: usize,
  scale: f32,
  scratch: usize,
): void {
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
