/** Float64 arrays, random ones, and the way between them and tensors. */
import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import { normal } from '../training/normal.js';
import { seededRandom } from '../training/random.js';

/** What references compute with: plain numbers in row-major order. */
export interface NdArray {
  /** Sizes, none for a scalar. */
  readonly shape: readonly number[];
  /** As many values as the shape holds. */
  readonly data: Float64Array;
}

/**
 * An array from its values, or from a function of the flat index.
 *
 * @throws ArgumentError when there are more or fewer values than the shape holds.
 *
 * @example
 * console.log(ndArray([2, 2], [1, 2, 3, 4]).data); // Float64Array(4) [ 1, 2, 3, 4 ]
 * console.log(ndArray([3], (index) => index ** 2).data); // Float64Array(3) [ 0, 1, 4 ]
 */
export function ndArray(
  shape: readonly number[],
  values: ArrayLike<number> | ((index: number) => number),
): NdArray {
  const size = tf.util.sizeFromShape([...shape]);
  const data =
    typeof values === 'function'
      ? Float64Array.from({ length: size }, (_, i) => values(i))
      : Float64Array.from(values);
  if (data.length !== size) {
    throw new ArgumentError(`ndArray: ${data.length} values for shape [${shape.join(', ')}]`);
  }
  return { shape: [...shape], data };
}

/**
 * Standard normal numbers times `scale` (default 1) plus `shift` (default 0), rounded to float32 so that
 * a tensor holds exactly the values that a reference sees. The same seed gives the same array.
 *
 * @example
 * const [x, y] = [randomArray([2, 3], 1), randomArray([2, 3], 1, { shift: 10 })];
 * console.log(x.shape, y.data[0] - x.data[0] - 10 < 1e-6); // [ 2, 3 ] true
 */
export function randomArray(
  shape: readonly number[],
  seed: number,
  { scale = 1, shift = 0 } = {},
): NdArray {
  const random = seededRandom(seed);
  return ndArray(shape, () => Math.fround(normal(random) * scale + shift));
}

export function toTensor({ shape, data }: NdArray): tf.Tensor {
  return tf.tensor(Float32Array.from(data), [...shape], 'float32');
}

export function toArray(tensor: tf.Tensor): NdArray {
  return ndArray(tensor.shape, tensor.dataSync());
}

/** Frees the tensors that `f` makes and returns what else it gives: `tf.tidy` for plain values. */
export function tidied<T>(f: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = f();
  });
  return result as T;
}

/** What an op gives for arrays, with no tensor left behind. */
export function run(
  op: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  ...inputs: NdArray[]
): NdArray[] {
  return tidied(() => asList(op(...inputs.map(toTensor))).map(toArray));
}

export function asList<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}
