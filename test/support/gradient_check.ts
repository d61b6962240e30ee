/** Asserts what btn-layers/testing reports. */
import { expect } from 'vitest';
import { asList, type NdArray } from '../../src/testing/arrays.js';
import {
  checkGradients,
  type GradientCheckOptions,
  type Op,
  type Reference,
} from '../../src/testing/check_gradients.js';
import { compare, failuresOf } from '../../src/testing/comparison.js';

export type { Op, Reference };

export interface GradientCheck extends Omit<GradientCheckOptions, 'order'> {
  op: Op;
  reference: Reference;
  inputs: NdArray[];
}

/** Asserts that arrays agree to a relative error of `tolerance`. */
export function expectClose(
  actual: NdArray[],
  expected: NdArray | NdArray[],
  tolerance = 1e-5,
): void {
  const list = asList(expected);
  expect(actual.length).toBe(list.length);
  const comparisons = list.map((y, i) => compare(`output ${i}`, actual[i]!, y, tolerance));
  expect(failuresOf(comparisons)).toEqual([]);
}

/** Asserts the outputs of an op and the gradients of all its inputs. */
export function expectGradients({ op, inputs, ...options }: GradientCheck): void {
  expect(checkGradients(op, inputs, options).failures).toEqual([]);
}

/** Asserts the gradients of the gradients. */
export function expectSecondOrder({ op, inputs, ...options }: GradientCheck): void {
  expect(checkGradients(op, inputs, { ...options, order: 2 }).failures).toEqual([]);
}
