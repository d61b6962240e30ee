import { createProduct, MATRICES, multiply } from './product';
import { multiplyRow } from './row_product';

/**
 * `out [batch, m, n] = a · b + bias`, row-major, each of `a [m, k]` and `b [k, n]` transposed in
 * memory where so marked.
 *
 * @param aStep bytes from one matrix of a to the next; 0 if there is one for all
 * @param bStep likewise for b
 * @param bias `[n]`, or 0
 * @param scratch `productScratch(m, k, n, 0)` bytes
 */
export function matMul(
  a: usize,
  b: usize,
  out: usize,
  batch: usize,
  aStep: usize,
  bStep: usize,
  m: usize,
  k: usize,
  n: usize,
  transposeA: bool,
  transposeB: bool,
  bias: usize,
  scratch: usize,
): void {
  if (m === 1 && !transposeB) {
    for (let i: usize = 0; i < batch; i++) {
      multiplyRow(a + i * aStep, b + i * bStep, out + i * n * 4, k, n, bias);
    }
    return;
  }
  const product = createProduct(scratch, MATRICES, m, k, n, 0, bias);
  product.transposeA = transposeA;
  product.transposeB = transposeB;
  for (let i: usize = 0; i < batch; i++) {
    product.a = a + i * aStep;
    product.b = b + i * bStep;
    product.out = out + i * m * n * 4;
    multiply(product);
  }
}
