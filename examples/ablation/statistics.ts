/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation; NaN of fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** How one sample differs from another, value by value. */
export interface PairedDifference {
  n: number;
  mean: number;
  /** 95 % interval of the mean by Student's t. */
  lower: number;
  upper: number;
  /** Pairs whose difference is above 0. */
  above: number;
}

/** @returns undefined for fewer than two pairs. @throws RangeError for samples of unequal length. */
export function pairedDifference(
  values: readonly number[],
  baseline: readonly number[],
): PairedDifference | undefined {
  if (values.length !== baseline.length) {
    throw new RangeError(`${values.length} values for a baseline of ${baseline.length}`);
  }
  const n = values.length;
  if (n < 2) return undefined;
  const differences = values.map((value, i) => value - baseline[i]!);
  const centre = mean(differences);
  const reach = (tQuantile95(n - 1) * standardDeviation(differences)) / Math.sqrt(n);
  return {
    n,
    mean: centre,
    lower: centre - reach,
    upper: centre + reach,
    above: differences.filter((difference) => difference > 0).length,
  };
}

/**
 * The t that |T| stays below with probability 0.95, for Student's distribution of ν degrees of freedom.
 *
 * With t = √ν·tan θ its density is proportional to cos^(ν−1) θ, whose integral bisection inverts.
 */
export function tQuantile95(degrees: number): number {
  if (!(Number.isInteger(degrees) && degrees >= 1)) {
    throw new RangeError(`degrees of freedom are ${degrees}: expected an integer from 1 on`);
  }
  const mass = (to: number) => integral((angle) => Math.cos(angle) ** (degrees - 1), to);
  const wanted = 0.95 * mass(Math.PI / 2);
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (mass(middle) < wanted) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan(low);
}

/** From 0, by Simpson's rule. */
function integral(f: (x: number) => number, to: number, steps = 1000): number {
  let sum = f(0) + f(to);
  for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * f((i * to) / steps);
  return (sum * to) / (3 * steps);
}
