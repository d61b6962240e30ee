/** How far apart two arrays are, and how that is said. */
import type { NdArray } from './arrays.js';

/** How far an array is from what it should be. */
export interface Comparison {
  /** What was compared: `output 0`, `gradient of input 1`, … */
  name: string;
  /**
   * The largest difference over the largest expected magnitude, so that an array is judged as a whole; infinite
   * for NaN or another shape. Where all that is expected is below 0.01, the difference is measured against 0.01: of
   * a gradient that vanishes, only rounding may remain.
   */
  error: number;
  /** The largest error that passes. */
  tolerance: number;
  /** Where the difference is largest, unless shapes differ. */
  worst?: { index: number[]; actual: number; expected: number };
}

const smallestMagnitude = 1e-2;

export function compare(
  name: string,
  actual: NdArray,
  expected: NdArray,
  tolerance: number,
): Comparison {
  if (actual.shape.join() !== expected.shape.join()) return { name, error: Infinity, tolerance };
  let [difference, at] = [0, 0];
  let magnitude = smallestMagnitude;
  expected.data.forEach((value, i) => {
    const distance = distanceOf(actual.data[i]!, value);
    if (distance > difference) [difference, at] = [distance, i];
    if (Number.isFinite(value)) magnitude = Math.max(magnitude, Math.abs(value));
  });
  const worst = {
    index: indexAt(at, expected.shape),
    actual: actual.data[at]!,
    expected: expected.data[at]!,
  };
  return {
    name,
    error: difference / magnitude,
    tolerance,
    ...(expected.data.length > 0 && { worst }),
  };
}

export function hasOtherShape({ error, worst }: Comparison): boolean {
  return error === Infinity && !worst;
}

/** What is wrong with each comparison that does not pass. */
export function failuresOf(comparisons: readonly Comparison[]): string[] {
  return comparisons
    .filter(({ error, tolerance }) => error > tolerance)
    .map(({ name, error, tolerance, worst }) => {
      if (!worst) return `${name} has another shape than expected`;
      const { index, actual, expected } = worst;
      const rounded = [actual, expected].map((value) => value.toPrecision(6));
      return (
        `${name}: error ${error.toExponential(1)} is above ${tolerance.toExponential(1)}; ` +
        `at [${index.join(', ')}] it is ${rounded[0]}, expected ${rounded[1]}`
      );
    });
}

function distanceOf(actual: number, expected: number): number {
  // Infinities that agree would otherwise differ by NaN.
  if (Object.is(actual, expected)) return Number.isNaN(actual) ? Infinity : 0;
  const distance = Math.abs(actual - expected);
  return Number.isNaN(distance) ? Infinity : distance;
}

function indexAt(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  return [...shape]
    .reverse()
    .map((size) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return index;
    })
    .reverse();
}
