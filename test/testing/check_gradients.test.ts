import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { checkGradients, ndArray, type Op, randomArray } from '../../src/testing/index.js';
import { describeBackends } from '../support/backends.js';
import { map, type NdArray } from '../support/reference/index.js';

/** x³, whose gradient says 2x² where `wrong`. */
const cube = (wrong: boolean): Op => {
  const op = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: tf.mul(x as tf.Tensor, tf.square(x as tf.Tensor)),
      gradFunc: (dy, [saved]) => tf.mul(dy as tf.Tensor, tf.mul(tf.square(saved!), wrong ? 2 : 3)),
    };
  });
  return (x) => op(x!);
};
const cubed = { reference: (x?: NdArray) => map(x!, (v) => v ** 3) };
const x = ndArray([2, 2], [0.5, -1, 2, 1.5]);

describeBackends('checkGradients', () => {
  it('finds right gradients right, with a reference and without', () => {
    const withReference = checkGradients(cube(false), [x], cubed);
    expect(withReference.failures).toEqual([]);
    expect(withReference.outputs[0]!.error).toBeLessThan(1e-5);
    expect(withReference.gradients[0]!.error).toBeLessThan(1e-5);
    const without = checkGradients(cube(false), [x]);
    expect(without.failures).toEqual([]);
    expect(without.outputs).toEqual([]);
    expect(without.gradients[0]!.error).toBeLessThan(1e-3);
  });

  it('says which gradient is wrong, where and by how much', () => {
    for (const options of [cubed, {}]) {
      const { failures, gradients } = checkGradients(cube(true), [x], options);
      expect(gradients).toHaveLength(1);
      // Of x³ · r the gradient is 3x²·r; a third of the largest is missing, relative to the largest.
      expect(gradients[0]!.error).toBeCloseTo(1 / 3, 3);
      const { index, actual, expected } = gradients[0]!.worst!;
      expect(actual / expected).toBeCloseTo(2 / 3, 3);
      expect(failures).toEqual([
        expect.stringMatching(
          `^gradient of input 0: error 3.3e-1 is above 1.0e-[34]; at \\[${index.join(', ')}\\] it is `,
        ),
      ]);
    }
  });

  it('sees a relative error just above its tolerance, and not one just below', () => {
    const scaled = (factor: number): Op => {
      const op = tf.customGrad((at) => ({
        value: tf.clone(at as tf.Tensor),
        gradFunc: (dy) => tf.mul(dy as tf.Tensor, factor),
      }));
      return (at) => op(at!);
    };
    const identity = { reference: (at?: NdArray) => at! };
    expect(checkGradients(scaled(1 + 8e-5), [x], identity).failures).toEqual([]);
    expect(checkGradients(scaled(1 + 1.2e-4), [x], identity).failures).toHaveLength(1);
    const tolerant = { ...identity, tolerance: 2e-4 };
    expect(checkGradients(scaled(1 + 1.2e-4), [x], tolerant).failures).toEqual([]);
    expect(checkGradients(scaled(1 + 8e-4), [x]).failures).toEqual([]);
    expect(checkGradients(scaled(1 + 1.2e-3), [x]).failures).toHaveLength(1);
  });

  it('sees a wrong output where there is a reference', () => {
    const { failures } = checkGradients((at) => tf.add(tf.square(at!), 1e-3), [x], {
      reference: (at) => map(at!, (v) => v * v),
    });
    expect(failures).toEqual([expect.stringMatching(/^output 0: error 2\.5e-4 is above 1\.0e-5/)]);
  });

  it('checks every input and output together, and leaves constants out', () => {
    const inputs = [randomArray([2, 3], 1), randomArray([3, 4], 2), ndArray([2, 4], (i) => i % 2)];
    const op: Op = (a, b, mask) => [tf.mul(tf.matMul(a!, b!), tf.ceil(mask!)), tf.exp(a!)];
    const { failures, gradients } = checkGradients(op, inputs, { constants: [2] });
    expect(failures).toEqual([]);
    expect(gradients.map(({ name }) => name)).toEqual([
      'gradient of input 0',
      'gradient of input 1',
    ]);
  });

  it('takes an input that does not matter for one of gradient 0', () => {
    expect(checkGradients((a) => tf.square(a!), [x, x]).failures).toEqual([]);
  });

  it('checks gradients of gradients', () => {
    // The first gradient is right; its own says that there is none.
    const detached: Op = (at) =>
      tf.customGrad((_, save) => {
        (save as tf.GradSaveFunc)([at!]);
        return {
          value: tf.square(at!),
          gradFunc: (dy, [saved]) => {
            const constant = tf.tensor(saved!.dataSync(), saved!.shape);
            return tf.mul(dy as tf.Tensor, tf.mul(constant, 2));
          },
        };
      })(at!);
    const reference = (at?: NdArray) => map(at!, (v) => v * v);
    expect(checkGradients(detached, [x], { reference }).failures).toEqual([]);
    for (const options of [{ reference }, {}]) {
      const second = { ...options, order: 2 as const };
      expect(checkGradients((at) => tf.square(at!), [x], second).failures).toEqual([]);
      expect(checkGradients(detached, [x], second).failures).toEqual([
        expect.stringContaining('gradient of input 0'),
      ]);
    }
  });

  it('lets no NaN pass, wherever it stands', () => {
    for (const bad of [0, 1, 3]) {
      const poisoned = tf.customGrad((at) => ({
        value: tf.clone(at as tf.Tensor),
        gradFunc: (dy) => {
          const factors = Array.from({ length: 4 }, (_, i) => (i === bad ? Number.NaN : 1));
          return tf.mul(dy as tf.Tensor, tf.tensor(factors, [2, 2]));
        },
      }));
      const { gradients, failures } = checkGradients((at) => poisoned(at!), [x]);
      expect(gradients[0]!.error).toBe(Number.POSITIVE_INFINITY);
      expect(failures).toEqual([expect.stringContaining('it is NaN')]);
    }
  });

  it('names an output of another shape, and refuses another number of outputs', () => {
    const turned = { reference: (at?: NdArray) => ndArray([4], at!.data) };
    expect(checkGradients((at) => tf.clone(at!), [x], turned).failures).toEqual([
      'output 0 has another shape than expected',
    ]);
    expect(() =>
      checkGradients((at) => tf.clone(at!), [x], { reference: (at) => [at!, at!] }),
    ).toThrow('checkGradients: the op has 1 outputs, but the reference 2');
  });

  it('is accurate enough for its tolerance over many ops', () => {
    const positive = map(randomArray([3, 4], 1), (v) => Math.abs(v) + 0.5);
    const ops: Record<string, Op> = {
      log: (a) => tf.log(a!),
      softmax: (a) => tf.softmax(a!),
      tanh: (a) => tf.tanh(a!),
      sqrt: (a) => tf.sqrt(a!),
      divide: (a) => tf.div(1, a!),
      logSumExp: (a) => tf.logSumExp(a!, 1),
      mean: (a) => tf.mean(tf.square(a!), 0),
    };
    for (const [name, op] of Object.entries(ops)) {
      expect(checkGradients(op, [positive]).failures, name).toEqual([]);
    }
  });
});

describeBackends(
  'checkGradients of an op without a gradient',
  () => {
    it('leaves it to TensorFlow.js to say that an op has no gradient', () => {
      expect(() => checkGradients((at) => tf.cumprod(at!), [x])).toThrow(/gradient/);
    });
  },
  // What throws within tf.grads leaves tensors behind.
  { checkLeaks: false },
);
