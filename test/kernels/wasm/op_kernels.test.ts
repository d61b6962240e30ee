/** The kernels of our own ops on wasm against their composites on cpu. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adamUpdate } from '../../../src/ops/adam_update.js';
import { affine } from '../../../src/ops/affine.js';
import { batchNorm } from '../../../src/ops/batch_norm.js';
import { gelu } from '../../../src/ops/gelu.js';
import { layerNorm } from '../../../src/ops/layer_norm.js';
import { prelu } from '../../../src/ops/prelu.js';
import { computeOn, expectSameOnWasm, randomTensor } from './both_backends.js';

type Op = (x: tf.Tensor, c1: tf.Tensor, c2: tf.Tensor) => tf.Tensor;

/** [..., C], with channel counts that are no multiple of 4, and rows that are none of 64. */
const shapes = fc
  .tuple(
    fc.array(fc.constantFrom(1, 2, 3, 5, 7, 13), { minLength: 1, maxLength: 3 }),
    fc.constantFrom(1, 2, 3, 4, 5, 8, 15, 16, 17, 35, 64),
  )
  .map(([outer, channels]) => [...outer, channels]);

/** The output of an op, and the gradients of its inputs for a random cotangent. */
function withGradients(op: Op, shape: number[]): tf.Tensor[] {
  const channels = [shape.at(-1)!];
  const inputs = [randomTensor(shape, 1), randomTensor(channels, 2), randomTensor(channels, 3)];
  const y = op(...(inputs as [tf.Tensor, tf.Tensor, tf.Tensor]));
  const cotangent = randomTensor(y.shape, 4);
  const loss = (x: tf.Tensor, c1: tf.Tensor, c2: tf.Tensor) => {
    // Each input counts, even one that the op does not have.
    const unused = tf.mul(tf.add(tf.sum(c1), tf.sum(c2)), 0);
    return tf.add(tf.sum(tf.mul(op(x, c1, c2), cotangent)), unused) as tf.Scalar;
  };
  return [y, ...tf.grads(loss as (...xs: tf.Tensor[]) => tf.Scalar)(inputs)];
}

const epsilon = 1e-3;
const ops: Record<string, Op> = {
  affine: (x, scale, shift) => affine(x, scale, shift),
  // Two of the outputs, so that dMean and dVariance are not 0.
  batchNorm: (x, gamma, beta) => {
    const { output, mean, variance } = batchNorm(x, gamma, beta, epsilon);
    return tf.add(tf.add(output, mean), variance);
  },
  gelu: (x) => gelu(x),
  layerNorm: (x, gamma, beta) => layerNorm(x, gamma, beta, epsilon),
  prelu: (x, alpha) => prelu(x, alpha),
};

describe('the wasm kernels of ops', () => {
  for (const [name, op] of Object.entries(ops)) {
    it(`${name} and its gradients are those of the composite`, async () => {
      await fc.assert(
        fc.asyncProperty(shapes, async (shape) => {
          await expectSameOnWasm(() => withGradients(op, shape), 1e-4);
        }),
        { seed: 7, numRuns: 40 },
      );
    });

    // The affine map of cpu truncates its result to the integers of x.
    it.skipIf(name === 'affine')(`${name} takes int32`, async () => {
      await expectSameOnWasm(() => {
        const x = tf.tensor2d([-3, -1, 0, 1, 2, 4], [3, 2], 'int32');
        return op(x, tf.tensor1d([0.5, 2]), tf.tensor1d([1, -1]));
      });
    });
  }

  it('let NaN and infinity through, where the composites do', async () => {
    const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const values = [...bad, 1, -1, 0.5];
    for (const [name, op] of Object.entries(ops)) {
      const compute = () => {
        // Each in a row and a column of its own, behind a vector of channels and in the tail.
        const x = tf.tensor2d(
          Float32Array.from({ length: 36 }, (_, i) => (i % 7 ? 1 : 2)),
          [6, 6],
        );
        const spoiled = tf.add(x, tf.mul(tf.eye(6), tf.tensor1d(values)));
        const finite = tf.where(tf.cast(tf.eye(6), 'bool'), tf.tensor2d(values, [1, 6]), x);
        spoiled.dispose();
        return op(finite, tf.ones([6]), tf.zeros([6]));
      };
      const [onCpu] = await computeOn('cpu', compute);
      const [onWasm] = await computeOn('wasm', compute);
      const kinds = (data: Float32Array) =>
        [...data].map((v) => (Number.isFinite(v) ? 'finite' : 'not'));
      expect(kinds(onWasm!.data), name).toEqual(kinds(onCpu!.data));
    }
  });

  it('gelu is within 2e-7 of its definition', async () => {
    const points = Float32Array.from({ length: 4001 }, (_, i) => i / 250 - 8);
    const [y] = await computeOn('wasm', () => gelu(tf.tensor1d(points)));
    const [slope] = await computeOn('wasm', () => tf.grad(gelu)(tf.tensor1d(points)));
    let [worst, worstSlope] = [0, 0];
    for (const [i, x] of points.entries()) {
      const { value, derivative } = exactGelu(x);
      worst = Math.max(worst, Math.abs(y!.data[i]! - value) / Math.max(1, Math.abs(x)));
      worstSlope = Math.max(worstSlope, Math.abs(slope!.data[i]! - derivative));
    }
    expect(worst).toBeLessThan(2e-7);
    expect(worstSlope).toBeLessThan(3e-7);
  });

  it('sums and statistics of a million rows lose less than 1e-6', async () => {
    const size = 1e6;
    const values = Float32Array.from({ length: size * 2 }, (_, i) =>
      Math.fround(i % 2 ? 100 + Math.sin(i) : Math.abs(Math.sin(i * 1.7))),
    );
    const expected = [0, 1].map((c) => statisticsOf(values, c, 2));
    const results = await computeOn('wasm', () => {
      const x = tf.tensor2d(values, [size, 2]);
      const wide = tf.concat([x, x], 1);
      const { mean, variance } = batchNorm(wide, tf.ones([4]), tf.zeros([4]), epsilon);
      return [tf.mean(wide, 0), mean, variance];
    });
    for (const [c, { mean, variance }] of expected.entries()) {
      for (const [i, value] of [mean, mean, variance].entries()) {
        const relative = Math.abs(results[i]!.data[c]! / value - 1);
        expect(relative, `${i} of channel ${c}`).toBeLessThan(1e-6);
      }
    }
  });

  it('adamUpdate equals its composite, whatever the size', async () => {
    for (const size of [1, 3, 4, 6, 130]) {
      await expectSameOnWasm(() => {
        const [w, m, g] = [1, 2, 3].map((seed) => randomTensor([size], seed));
        const v = tf.square(randomTensor([size], 4));
        const attrs = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        const { weight, first, second } = adamUpdate(w!, m!, v, g!, attrs);
        return [weight, first, second];
      }, 1e-6);
    }
  });
});

describe('depthwise gradients on wasm', () => {
  it('are those of cpu where pixels run in fours and beside them', async () => {
    for (const channels of [4, 20, 64, 70]) {
      for (const width of [3, 4, 5, 6, 7, 9, 14]) {
        for (const pad of ['same', 'valid', 2] as const) {
          await expectSameOnWasm(() => {
            const x = randomTensor([2, 5, width, channels], 1) as tf.Tensor4D;
            const filter = randomTensor([3, 3, channels, 1], 2) as tf.Tensor4D;
            const convolve = (a: tf.Tensor, b: tf.Tensor) =>
              tf.square(tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, pad));
            return tf.grads(convolve)([x, filter]);
          });
        }
      }
    }
  });
});

describe('identity on wasm', () => {
  it('shares the data of a clone, which outlives the original', async () => {
    await tf.setBackend('wasm');
    const before = tf.memory();
    const x = tf.tensor1d([1, 2, 3]);
    const { numDataBuffers } = tf.memory();
    const copy = tf.clone(x);
    expect(tf.memory().numDataBuffers).toBe(numDataBuffers);
    x.dispose();
    expect([...copy.dataSync()]).toEqual([1, 2, 3]);
    copy.dispose();
    expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes });
  });

  it('leaves a clone of a variable as it was when the variable changes', async () => {
    await tf.setBackend('wasm');
    tf.tidy(() => {
      const variable = tf.variable(tf.tensor1d([1, 2]), false);
      const copy = tf.clone(variable);
      variable.assign(tf.tensor1d([3, 4]));
      expect([...copy.dataSync()]).toEqual([1, 2]);
      variable.dispose();
    });
  });
});

describe('pad on wasm', () => {
  it('is that of cpu, whatever dimensions are padded', async () => {
    const amount = fc.constantFrom(0, 0, 1, 3);
    const dimension = fc.tuple(fc.constantFrom(1, 2, 5), fc.tuple(amount, amount));
    const dimensions = fc.array(dimension, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(dimensions, fc.constantFrom(0, 2.5), async (dims, value) => {
        const shape = dims.map(([length]) => length);
        const paddings = dims.map(([, padding]) => padding);
        await expectSameOnWasm(() => tf.pad(randomTensor(shape, 1), paddings, value), 1e-7);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});

describe('gather on wasm', () => {
  it('is that of cpu along any axis, for few and many values', async () => {
    for (const shape of [
      [5, 3],
      [2, 5, 30],
      [3, 4, 2, 5],
    ]) {
      for (let axis = 0; axis < shape.length; axis++) {
        const last = shape[axis]! - 1;
        await expectSameOnWasm(() => {
          const indices = tf.tensor2d([0, last, 1, 1], [2, 2], 'int32');
          return tf.gather(randomTensor(shape, 1), indices, axis);
        });
      }
    }
    await tf.setBackend('wasm');
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const outside = tf.tensor1d([5], 'int32');
      expect(() => tf.gather(tf.ones([5, 2]), outside)).toThrow('5 is not in [0, 4]');
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

function statisticsOf(values: Float32Array, first: number, step: number) {
  let sum = 0;
  let count = 0;
  for (let i = first; i < values.length; i += step, count++) sum += values[i]!;
  const mean = sum / count;
  let squares = 0;
  for (let i = first; i < values.length; i += step) squares += (values[i]! - mean) ** 2;
  return { mean, variance: squares / count };
}

/** In float64, with Φ from its power series or, far out, its continued fraction. */
function exactGelu(x: number) {
  const density = Math.exp(-x * x * 0.5) / Math.sqrt(2 * Math.PI);
  const z = Math.abs(x);
  let tail: number;
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 80; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    tail = 0.5 - density * sum;
  } else {
    let fraction = z;
    for (let n = 60; n > 0; n--) fraction = z + n / fraction;
    tail = density / fraction;
  }
  const distribution = x < 0 ? tail : 1 - tail;
  return { value: x * distribution, derivative: distribution + x * density };
}
