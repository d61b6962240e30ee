import * as tf from '@tensorflow/tfjs-core';
import { it } from 'vitest';
import { randomArray, tidied, toArray, toTensor } from '../../support/arrays.js';
import { describeBackends } from '../../support/backends.js';
import { expectClose } from '../../support/gradient_check.js';
import { type NdArray, ndArray } from '../../support/reference/index.js';

/** `[rows, inner] · [inner, columns]`, plus the bias. */
function product(a: NdArray, b: NdArray, bias: NdArray): NdArray {
  const [rows, inner] = a.shape as [number, number];
  const columns = b.shape[1]!;
  return ndArray([rows, columns], (i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let sum = bias.data[column]!;
    for (let k = 0; k < inner; k++) {
      sum += a.data[row * inner + k]! * b.data[k * columns + column]!;
    }
    return sum;
  });
}

/** `exp x`, computed on the GPU: behind the ends of odd rows, of zeros, it leaves ones. */
const computed = (x: NdArray) => tf.exp(toTensor(x));

const expOf = ({ shape, data }: NdArray) => ndArray(shape, (i) => Math.exp(data[i]!));

const transposed = ({ shape: [rows, columns], data }: NdArray): NdArray =>
  ndArray([columns!, rows!], (i) => data[(i % rows!) * columns! + Math.floor(i / rows!)]!);

describeBackends('matMul of what ops have made', () => {
  it.each([1, 2, 3, 7, 8])('sums %i terms, transposed or not, with a bias or without', (inner) => {
    const [a, b] = [randomArray([6, inner], 1), randomArray([inner, 5], 2)];
    const bias = randomArray([5], 3);
    const none = ndArray([5], () => 0);
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const found = tidied(() => {
          const left = computed(transposeA ? transposed(a) : a) as tf.Tensor2D;
          const right = computed(transposeB ? transposed(b) : b) as tf.Tensor2D;
          const options = { a: left, b: right, transposeA, transposeB };
          return [
            tf.matMul(left, right, transposeA, transposeB),
            tf.fused.matMul({ ...options, bias: toTensor(bias) }),
          ].map(toArray);
        });
        const expected = [none, bias].map((each) => product(expOf(a), expOf(b), each));
        expectClose(found, expected, 1e-5);
      }
    }
  });
});
