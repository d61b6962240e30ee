import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cachedGradients, partsOf } from '../../src/training/index.js';
import { randomArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';

/** A contrastive loss: each of a pair has to find the other among all. */
function contrastive([left, right]: tf.Tensor[]): tf.Scalar {
  const logits = tf.matMul(left as tf.Tensor2D, right as tf.Tensor2D, false, true);
  const target = tf.oneHot(tf.range(0, logits.shape[0], 1, 'int32'), logits.shape[0]);
  return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits)), 1))) as tf.Scalar;
}

describeBackends('cachedGradients', () => {
  const width = 5;
  const makeVariables = () =>
    [1, 2].map((seed) => tf.variable(toTensor(randomArray([width, 4], seed))));
  const encoder =
    ([a, b]: tf.Variable[], x: tf.Tensor) =>
    () => [
      tf.tanh(tf.matMul(x as tf.Tensor2D, a as tf.Tensor2D)),
      tf.matMul(x as tf.Tensor2D, b as tf.Tensor2D),
    ];

  it('equals the gradients of the whole batch, whatever the parts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 10 }), (batch, m) => {
        const before = tf.memory().numTensors;
        tf.tidy(() => {
          const variables = makeVariables();
          const x = toTensor(randomArray([batch, width], 3));
          const whole = tf.variableGrads(() => contrastive(encoder(variables, x)()), variables);
          const parts = partsOf(batch, m).map(([first, count]) =>
            encoder(variables, tf.slice(x, first, count)),
          );
          const { value, gradients } = cachedGradients(variables, parts, contrastive);
          expect(value.dataSync()[0]).toBeCloseTo(whole.value.dataSync()[0]!, 5);
          for (const [i, variable] of variables.entries()) {
            const [actual, expected] = [
              gradients[i]!.dataSync(),
              whole.grads[variable.name]!.dataSync(),
            ];
            for (const [j, g] of expected.entries()) expect(actual[j]).toBeCloseTo(g, 5);
          }
          tf.dispose(variables);
        });
        expect(tf.memory().numTensors).toBe(before);
      }),
      { numRuns: 30 },
    );
  });

  it('gives null for a variable that the loss does not depend on', () => {
    tf.tidy(() => {
      const [a, b] = makeVariables() as [tf.Variable, tf.Variable];
      const unused = tf.variable(tf.scalar(1));
      const x = toTensor(randomArray([4, width], 3));
      const parts = partsOf(4, 2).map(([first, n]) => encoder([a, b], tf.slice(x, first, n)));
      const { gradients } = cachedGradients([unused, a], parts, contrastive);
      expect(gradients[0]).toBeNull();
      expect(gradients[1]!.shape).toEqual(a.shape);
      tf.dispose([a, b, unused]);
    });
  });

  it('moves statistics once, to the mean over the samples of where each part moves them', () => {
    tf.tidy(() => {
      const variables = makeVariables();
      const average = tf.variable(tf.scalar(1));
      const still = tf.variable(tf.scalar(1 / 3));
      const x = toTensor(randomArray([5, width], 3));
      const parts = partsOf(5, 2).map(([first, count]) => () => {
        average.assign(tf.add(average, first));
        return encoder(variables, tf.slice(x, first, count))();
      });
      cachedGradients(variables, parts, contrastive, [average, still]);
      // Parts of 2, 2 and 1 samples move it from 1 by 0, 2 and 4.
      expect(average.dataSync()[0]).toBeCloseTo(1 + (0 * 2 + 2 * 2 + 4 * 1) / 5, 6);
      expect(still.dataSync()[0]).toBe(Math.fround(1 / 3));
      tf.dispose([...variables, average, still]);
    });
  });
});
