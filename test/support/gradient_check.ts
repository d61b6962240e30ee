/** Compares ops and their gradients with differences of the float64 reference. */
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { asList, randomArray, run, toTensor } from './arrays.js';
import { type NdArray, ndArray } from './reference/index.js';

export type Op = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
export type Reference = (...inputs: NdArray[]) => NdArray | NdArray[];

export interface GradientCheck {
  op: Op;
  reference: Reference;
  inputs: NdArray[];
  /** Of the random cotangent and, for the second order, direction. */
  seed?: number;
  /** Largest relative error of a gradient. Default 1e-4. */
  tolerance?: number;
  /** Largest relative error of an output. Default 1e-5. */
  forwardTolerance?: number;
}

/**
 * Truncation costs ε²·f‴/6 and rounding 1e-16·f/ε: both stay below 1e-9 of the gradients here, far
 * from what float32 is held to.
 */
const firstStep = 1e-6;

/**
 * For second differences rounding costs 1e-16·f/ε² and truncation ε²·f⁗/6; they meet at the fourth
 * root of the machine's 2e-16, where each is near 1e-8.
 */
const secondStep = 1.2e-4;

/**
 * The largest difference over the largest magnitude that is expected, so that an array is judged as
 * a whole. Where all that is expected is below 0.01 the difference is measured against 0.01: of a
 * gradient that vanishes, only rounding may remain.
 */
export function relativeError(actual: NdArray, expected: NdArray): number {
  expect(actual.shape).toEqual(expected.shape);
  let difference = 0;
  let magnitude = 1e-2;
  expected.data.forEach((value, i) => {
    const d = Math.abs(actual.data[i]! - value);
    // Written so that NaN counts as a difference.
    if (!(d <= difference)) difference = d;
    magnitude = Math.max(magnitude, Math.abs(value));
  });
  return difference / magnitude;
}

/** Asserts that arrays agree to a relative error below `tolerance`. */
export function expectClose(
  actual: NdArray[],
  expected: NdArray | NdArray[],
  tolerance = 1e-5,
  what = 'output',
): void {
  const list = asList(expected);
  expect(actual.length).toBe(list.length);
  list.forEach((array, i) => {
    expect(relativeError(actual[i]!, array), `error of ${what} ${i}`).toBeLessThan(tolerance);
  });
}

/** Checks the outputs of an op and the gradients of all its inputs. */
export function checkGradients({
  op,
  reference,
  inputs,
  seed = 1,
  tolerance = 1e-4,
  forwardTolerance = 1e-5,
}: GradientCheck): void {
  const expected = asList(reference(...inputs));
  expectClose(run(op, ...inputs), expected, forwardTolerance);
  const cotangents = cotangentsOf(expected, seed);
  const loss = (...at: NdArray[]) => dot(asList(reference(...at)), cotangents);
  const gradients = run((...xs) => tf.grads(lossOf(op, cotangents))(xs), ...inputs);
  const differences = inputs.map((_, k) => difference(loss, inputs, k));
  expectClose(gradients, differences, tolerance, 'gradient');
}

/**
 * Checks the gradients of a random combination r of the gradients, r·∇f: one product of r with the
 * matrix of second derivatives, which has them all in it.
 */
export function checkSecondOrder({
  op,
  reference,
  inputs,
  seed = 1,
  tolerance = 1e-4,
}: GradientCheck): void {
  const cotangents = cotangentsOf(asList(reference(...inputs)), seed);
  const directions = inputs.map(({ shape }, k) => randomArray(shape, seed * 100 + k));
  const loss = (...at: NdArray[]) => dot(asList(reference(...at)), cotangents);

  const alongGradient = (...xs: tf.Tensor[]) => {
    const gradients = tf.grads(lossOf(op, cotangents))(xs);
    const parts = gradients.map((g, k) => tf.sum(tf.mul(g, toTensor(directions[k]!))));
    // A gradient may not depend on an input at all, which tf.grads takes for a mistake: join it by 0.
    const joined = xs.map((x) => tf.mul(tf.sum(x), 0));
    return tf.addN([...parts, ...joined]) as tf.Scalar;
  };
  const products = run((...xs) => tf.grads(alongGradient)(xs), ...inputs);
  const alongDirection = (...at: NdArray[]) => {
    const moved = (sign: number) =>
      at.map((x, k) =>
        ndArray(x.shape, (i) => x.data[i]! + sign * secondStep * directions[k]!.data[i]!),
      );
    return (loss(...moved(1)) - loss(...moved(-1))) / (2 * secondStep);
  };
  const differences = inputs.map((_, k) => difference(alongDirection, inputs, k, secondStep));
  expectClose(products, differences, tolerance, 'second-order gradient');
}

/** Σ over the outputs of cotangent · output, as the op computes it. */
function lossOf(op: Op, cotangents: NdArray[]): (...xs: tf.Tensor[]) => tf.Scalar {
  return (...xs) => {
    const parts = asList(op(...xs)).map((y, i) => tf.sum(tf.mul(y, toTensor(cotangents[i]!))));
    return tf.addN(parts) as tf.Scalar;
  };
}

function cotangentsOf(outputs: NdArray[], seed: number): NdArray[] {
  return outputs.map(({ shape }, i) => randomArray(shape, seed * 1000 + i));
}

function dot(a: NdArray[], b: NdArray[]): number {
  let sum = 0;
  a.forEach(({ data }, k) => {
    data.forEach((value, i) => {
      sum += value * b[k]!.data[i]!;
    });
  });
  return sum;
}

/** Central differences of `f` by each element of its k-th input. */
function difference(
  f: (...inputs: NdArray[]) => number,
  inputs: NdArray[],
  k: number,
  step = firstStep,
): NdArray {
  const input = inputs[k]!;
  const moved = { shape: input.shape, data: input.data.slice() };
  const at = inputs.map((x, i) => (i === k ? moved : x));
  return ndArray(input.shape, (i) => {
    const value = input.data[i]!;
    const shifted = (sign: number) => {
      moved.data[i] = value + sign * step;
      return f(...at);
    };
    const slope = (shifted(1) - shifted(-1)) / (2 * step);
    moved.data[i] = value;
    return slope;
  });
}
