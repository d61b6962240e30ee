import * as tf from '@tensorflow/tfjs-core';
import '../kernels/index.js';
import { ArgumentError } from '../ops/errors.js';
import { asList, type NdArray, ndArray, randomArray, run, toTensor } from './arrays.js';
import { type Comparison, compare, failuresOf, hasOtherShape } from './comparison.js';

/** What is checked: tensors in, one or several out. Tensors that it makes on the way are freed. */
export type Op = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** The same in float64 and plain JavaScript, written from the definition. */
export type Reference = (...inputs: NdArray[]) => NdArray | NdArray[];

/** Options of `checkGradients`. */
export interface GradientCheckOptions {
  /**
   * What the op is held to. Default: the op itself, whose differences are then taken in float32: coarser, and
   * blind to a wrong output.
   */
  reference?: Reference;
  /** 2 checks the gradients of the gradients, along a random direction. Default 1. */
  order?: 1 | 2;
  /** Indices of inputs that get no gradient: indices, masks, … */
  constants?: readonly number[];
  /** Largest relative error of a gradient. Default 1e-4 with a reference, 1e-3 without. */
  tolerance?: number;
  /** Largest relative error of an output, which only a reference can tell. Default 1e-5. */
  outputTolerance?: number;
  /** Of the random combination of outputs whose gradient is taken, and of the direction. Default 1. */
  seed?: number;
}

/** What `checkGradients` and `checkLayer` found. */
export interface GradientReport {
  /** One for each output; none without a reference. */
  outputs: Comparison[];
  /** One for each input that is not constant; none where an output has another shape than the reference. */
  gradients: Comparison[];
  /** What is wrong, a line each; empty when all is well. */
  failures: string[];
}

/** How far apart the points of a central difference are, and how they are rounded. */
interface Spacing {
  step: number;
  round(value: number): number;
}

// Truncation costs step²·f‴/6 and rounding ulp·f/step. In float64 both stay below 1e-9 of the gradients here; in float32
// they meet near 1e-5 at the cube root of its ulp, and a point is what the tensor can hold.
const ofFloat64: Spacing = { step: 1e-6, round: (value) => value };
const ofFloat32: Spacing = { step: 4e-3, round: Math.fround };
// Differences of differences round by ulp·f/step²: they meet near 1e-8 at the fourth root of float64's ulp.
const ofSecondOrder: Spacing = { step: 1.2e-4, round: (value) => value };

type Loss = (...xs: tf.Tensor[]) => tf.Scalar;
type Scalar = (...at: NdArray[]) => number;

/**
 * Compares the gradients that TensorFlow.js computes for an op, on the backend in use, with central differences:
 *
 *     (f(x + step) − f(x − step)) / (2·step),   f = Σ over the outputs of random numbers · output
 *
 * With a float64 `reference` (step 1e-6), outputs are compared too and errors of 1e-4 show. Without one, the op's own
 * float32 outputs are differenced (step 4e-3), and errors of 1e-3 show. The op runs twice for each element of each
 * input: keep inputs small. It must be deterministic, and smooth within a step of the inputs: near the kink of a ReLU
 * the two disagree and both are right.
 *
 * @param op Differentiable in all inputs but `constants`.
 * @param inputs Any shapes; they become float32 tensors.
 * @returns Errors of each output and gradient, and `failures`. No tensor is left behind.
 * @throws Error of TensorFlow.js where an op has no gradient; ArgumentError when `reference` gives another number of outputs.
 *
 * @example
 * const inputs = [randomArray([2, 3], 1), randomArray([3, 4], 2)];
 * const { failures } = checkGradients((x, w) => tf.matMul(x, w), inputs);
 * console.log(failures); // []
 *
 * Source: central differences as in PyTorch's gradcheck and JAX's check_grads.
 */
export function checkGradients(
  op: Op,
  inputs: readonly NdArray[],
  options: GradientCheckOptions = {},
): GradientReport {
  return reportOf(
    op,
    inputs,
    inputs.map((_, k) => `input ${k}`),
    options,
  );
}

/** `checkGradients` of inputs with names. */
export function reportOf(
  op: Op,
  inputs: readonly NdArray[],
  names: readonly string[],
  options: GradientCheckOptions,
): GradientReport {
  const { reference, constants = [], outputTolerance = 1e-5, seed = 1 } = options;
  const tolerance = options.tolerance ?? (reference ? 1e-4 : 1e-3);
  const actual = run(op, ...inputs);
  const expected = reference ? asList(reference(...inputs)) : actual;
  if (actual.length !== expected.length) {
    throw new ArgumentError(
      `checkGradients: the op has ${actual.length} outputs, but the reference ${expected.length}`,
    );
  }
  const outputs = reference
    ? actual.map((y, i) => compare(`output ${i}`, y, expected[i]!, outputTolerance))
    : [];
  if (outputs.some(hasOtherShape)) {
    return { outputs, gradients: [], failures: failuresOf(outputs) };
  }

  const varied = inputs.map((_, k) => k).filter((k) => !constants.includes(k));
  const combination: Combination = {
    cotangents: expected.map(({ shape }, i) => randomArray(shape, seed * 1000 + i)),
    directions: new Map(varied.map((k) => [k, randomArray(inputs[k]!.shape, seed * 100 + k)])),
  };
  const { loss, standard, spacing } = sidesOf(op, options, combination);
  const slopes = run((...xs) => gradientsOf(loss, varied, xs), ...inputs);
  const gradients = varied.map((k, i) => {
    const expectedSlopes = difference(standard, inputs, k, spacing);
    return compare(`gradient of ${names[k]}`, slopes[i]!, expectedSlopes, tolerance);
  });
  return { outputs, gradients, failures: failuresOf([...outputs, ...gradients]) };
}

/** Random numbers that make one number of all outputs, and one of all gradients. */
interface Combination {
  cotangents: readonly NdArray[];
  /** By index of the input. */
  directions: ReadonlyMap<number, NdArray>;
}

/** The number whose gradients are compared, as tensors compute it and as it is differenced. */
function sidesOf(
  op: Op,
  { reference, order = 1 }: GradientCheckOptions,
  { cotangents, directions }: Combination,
): { loss: Loss; standard: Scalar; spacing: Spacing } {
  const loss = lossOf(op, cotangents);
  const outputs = reference ?? ((...at: NdArray[]) => run(op, ...at));
  const standard: Scalar = (...at) => dot(asList(outputs(...at)), cotangents);
  if (order === 1) return { loss, standard, spacing: reference ? ofFloat64 : ofFloat32 };
  const second = alongGradients(loss, directions);
  return reference
    ? { loss: second, standard: alongDirections(standard, directions), spacing: ofSecondOrder }
    : { loss: second, standard: (...at) => run(second, ...at)[0]!.data[0]!, spacing: ofFloat32 };
}

/** Σ over the outputs of cotangent · output. */
function lossOf(op: Op, cotangents: readonly NdArray[]): Loss {
  return (...xs) => {
    const parts = asList(op(...xs)).map((y, i) => tf.sum(tf.mul(y, toTensor(cotangents[i]!))));
    return tf.addN(parts) as tf.Scalar;
  };
}

/** Σ over the inputs of direction · gradient: its own gradients have all second derivatives in them. */
function alongGradients(loss: Loss, directions: ReadonlyMap<number, NdArray>): Loss {
  return (...xs) => {
    const gradients = gradientsOf(loss, [...directions.keys()], xs);
    const parts = [...directions.values()].map((d, i) =>
      tf.sum(tf.mul(gradients[i]!, toTensor(d))),
    );
    return tf.addN(parts) as tf.Scalar;
  };
}

function gradientsOf(loss: Loss, varied: readonly number[], xs: readonly tf.Tensor[]): tf.Tensor[] {
  const ofVaried = (...at: tf.Tensor[]) => {
    const moved = [...xs];
    varied.forEach((k, i) => {
      moved[k] = at[i]!;
    });
    // Of an input that does not matter the gradient is 0, which tf.grads takes for a mistake: join it by 0.
    const joined = at.map((x) => tf.mul(tf.sum(x), 0));
    return tf.addN([loss(...moved), ...joined]);
  };
  return tf.grads(ofVaried)(varied.map((k) => xs[k]!));
}

/** The slope of `f` along the directions. */
function alongDirections(f: Scalar, directions: ReadonlyMap<number, NdArray>): Scalar {
  const { step } = ofSecondOrder;
  return (...at) => {
    const moved = (sign: number) =>
      at.map((x, k) => {
        const direction = directions.get(k);
        return direction
          ? ndArray(x.shape, (i) => x.data[i]! + sign * step * direction.data[i]!)
          : x;
      });
    return (f(...moved(1)) - f(...moved(-1))) / (2 * step);
  };
}

function dot(a: readonly NdArray[], b: readonly NdArray[]): number {
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
  f: Scalar,
  inputs: readonly NdArray[],
  k: number,
  { step, round }: Spacing,
): NdArray {
  const { shape, data } = inputs[k]!;
  const moved = { shape, data: data.slice() };
  const at = inputs.map((x, i) => (i === k ? moved : x));
  return ndArray(shape, (i) => {
    const value = data[i]!;
    const [above, below] = [round(value + step), round(value - step)];
    const valueAt = (point: number) => {
      moved.data[i] = point;
      return f(...at);
    };
    const slope = (valueAt(above) - valueAt(below)) / (above - below);
    moved.data[i] = value;
    return slope;
  });
}
