import { multiplyAdd, VECTOR } from './simd';

/**
 * One step of Adam on `size` weights, in one pass:
 *
 *     m' = β1·m + (1−β1)·g,   v' = β2·v + (1−β2)·g²,   w' = w − rate · m' / (√v' + ε)
 *
 * with both bias corrections in `rate` and `epsilon`. Outputs may be the inputs.
 */
export function adam(
  w: usize,
  m: usize,
  v: usize,
  g: usize,
  wOut: usize,
  mOut: usize,
  vOut: usize,
  size: usize,
  rate: f32,
  beta1: f32,
  beta2: f32,
  rest1: f32,
  rest2: f32,
  epsilon: f32,
): void {
  const b1 = f32x4.splat(beta1);
  const b2 = f32x4.splat(beta2);
  const r1 = f32x4.splat(rest1);
  const r2 = f32x4.splat(rest2);
  const negativeRate = f32x4.splat(-rate);
  const eps = f32x4.splat(epsilon);
  const bytes = size << 2;
  const vectors = bytes & ~(VECTOR - 1);
  for (let i: usize = 0; i < vectors; i += VECTOR) {
    const gradient = v128.load(g + i);
    const first = multiplyAdd(v128.load(m + i), b1, f32x4.mul(gradient, r1));
    const second = multiplyAdd(v128.load(v + i), b2, f32x4.mul(f32x4.mul(gradient, gradient), r2));
    const step = f32x4.div(first, f32x4.add(f32x4.sqrt(second), eps));
    v128.store(mOut + i, first);
    v128.store(vOut + i, second);
    v128.store(wOut + i, multiplyAdd(step, negativeRate, v128.load(w + i)));
  }
  for (let i = vectors; i < bytes; i += 4) {
    const gradient = load<f32>(g + i);
    const first = load<f32>(m + i) * beta1 + gradient * rest1;
    const second = load<f32>(v + i) * beta2 + gradient * gradient * rest2;
    store<f32>(mOut + i, first);
    store<f32>(vOut + i, second);
    store<f32>(wOut + i, load<f32>(w + i) - (rate * first) / (sqrt<f32>(second) + epsilon));
  }
}
