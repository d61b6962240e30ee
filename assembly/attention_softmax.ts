import { EIGHT, ROW } from './attention_tiles';
import { powerOfTwo } from './exp';
import { multiplyAdd, VECTOR } from './simd';

/**
 * Softmax on strips `[keys, 16]`: queries lie side by side, so that each has a lane of its own and
 * nothing is summed across lanes but in `valueSums`. Of `queries` lanes, whole eights are computed.
 */

/**
 * In place `2^(scores − max)`, and `inverse = 1 / Σ` of it, which makes a softmax of it if scores are
 * in units of ln 2.
 *
 * @param inverse `[16]`
 * @param constants of the exponential
 */
export function exponentials(
  scores: usize,
  keys: usize,
  queries: usize,
  inverse: usize,
  constants: usize,
): void {
  for (let lane: usize = 0; lane < queries * 4; lane += EIGHT) {
    const begin = scores + lane;
    exponentialsOfEight(begin, begin + keys * ROW, inverse + lane, constants);
  }
}

/** {@link exponentials} of 8 queries. */
export function exponentialsOfEight(
  begin: usize,
  end: usize,
  inverse: usize,
  constants: usize,
): void {
  let greatest0 = f32x4.splat(-Infinity);
  let greatest1 = greatest0;
  for (let at = begin; at < end; at += ROW) {
    greatest0 = f32x4.pmax(greatest0, v128.load(at));
    greatest1 = f32x4.pmax(greatest1, v128.load(at, 16));
  }
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  for (let at = begin; at < end; at += ROW) {
    const e0 = powerOfTwo(f32x4.sub(v128.load(at), greatest0), constants);
    const e1 = powerOfTwo(f32x4.sub(v128.load(at, 16), greatest1), constants);
    v128.store(at, e0);
    v128.store(at, e1, 16);
    sum0 = f32x4.add(sum0, e0);
    sum1 = f32x4.add(sum1, e1);
  }
  const one = f32x4.splat(1);
  v128.store(inverse, f32x4.div(one, sum0));
  v128.store(inverse, f32x4.div(one, sum1), 16);
}

/** In place `x [rows, 16] · factors [16]` */
export function scaleLanes(x: usize, rows: usize, factors: usize): void {
  for (let lane: usize = 0; lane < ROW; lane += VECTOR) {
    const factor = v128.load(factors + lane);
    const end = x + lane + rows * ROW;
    for (let at = x + lane; at < end; at += ROW) {
      v128.store(at, f32x4.mul(v128.load(at), factor));
    }
  }
}

/**
 * In place of the gradient of the attention that of the scores. With a the attention:
 *
 *     dScores = a · (dAttention − Σ_keys a · dAttention)
 *
 * @param weights `a / inverse`, as {@link exponentials} leaves them
 */
export function scoreGradients(
  weights: usize,
  inverse: usize,
  gradients: usize,
  keys: usize,
  queries: usize,
): void {
  for (let lane: usize = 0; lane < queries * 4; lane += EIGHT) {
    const begin = weights + lane;
    scoreGradientsOfEight(begin, begin + keys * ROW, inverse + lane, gradients + lane);
  }
}

/** {@link scoreGradients} of 8 queries. */
export function scoreGradientsOfEight(
  begin: usize,
  end: usize,
  inverse: usize,
  gradients: usize,
): void {
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let to = gradients;
  for (let at = begin; at < end; at += ROW) {
    sum0 = multiplyAdd(v128.load(at), v128.load(to), sum0);
    sum1 = multiplyAdd(v128.load(at, 16), v128.load(to, 16), sum1);
    to += ROW;
  }
  const inverse0 = v128.load(inverse);
  const inverse1 = v128.load(inverse, 16);
  sum0 = f32x4.mul(sum0, inverse0);
  sum1 = f32x4.mul(sum1, inverse1);
  to = gradients;
  for (let at = begin; at < end; at += ROW) {
    const weight0 = f32x4.mul(v128.load(at), inverse0);
    const weight1 = f32x4.mul(v128.load(at, 16), inverse1);
    v128.store(to, f32x4.mul(weight0, f32x4.sub(v128.load(to), sum0)));
    v128.store(to, f32x4.mul(weight1, f32x4.sub(v128.load(to, 16), sum1)), 16);
    to += ROW;
  }
}

/**
 * {@link scoreGradients} where a value is one number, so that the gradient of the attention is
 * `dy · value` and needs no memory, and the gradient of the values comes with it.
 *
 * @param value `[keys]`, `stride` bytes apart
 * @param dy `[16]`, 0 beyond the last query
 * @param gradients where the scores' go
 * @param valueSums `[keys, 4]`, to which four parts of the values' are added
 */
export function scalarGradients(
  weights: usize,
  inverse: usize,
  value: usize,
  stride: usize,
  dy: usize,
  gradients: usize,
  valueSums: usize,
  keys: usize,
  queries: usize,
): void {
  for (let lane: usize = 0; lane < queries * 4; lane += EIGHT) {
    const begin = weights + lane;
    const end = begin + keys * ROW;
    const to = gradients + lane;
    scalarGradientsOfEight(begin, end, inverse + lane, value, stride, dy + lane, to, valueSums);
  }
}

/** {@link scalarGradients} of 8 queries. */
export function scalarGradientsOfEight(
  begin: usize,
  end: usize,
  inverse: usize,
  value: usize,
  stride: usize,
  dy: usize,
  gradients: usize,
  valueSums: usize,
): void {
  let out0 = f32x4.splat(0);
  let out1 = f32x4.splat(0);
  let valueAt = value;
  for (let at = begin; at < end; at += ROW) {
    const v = v128.load32_splat(valueAt);
    out0 = multiplyAdd(v128.load(at), v, out0);
    out1 = multiplyAdd(v128.load(at, 16), v, out1);
    valueAt += stride;
  }
  const inverse0 = v128.load(inverse);
  const inverse1 = v128.load(inverse, 16);
  out0 = f32x4.mul(out0, inverse0);
  out1 = f32x4.mul(out1, inverse1);
  const factor0 = f32x4.mul(inverse0, v128.load(dy));
  const factor1 = f32x4.mul(inverse1, v128.load(dy, 16));
  for (let at = begin; at < end; at += ROW) {
    const v = v128.load32_splat(value);
    const part0 = f32x4.mul(v128.load(at), factor0);
    const part1 = f32x4.mul(v128.load(at, 16), factor1);
    v128.store(gradients, f32x4.mul(part0, f32x4.sub(v, out0)));
    v128.store(gradients, f32x4.mul(part1, f32x4.sub(v, out1)), 16);
    v128.store(valueSums, f32x4.add(v128.load(valueSums), f32x4.add(part0, part1)));
    value += stride;
    gradients += ROW;
    valueSums += VECTOR;
  }
}
