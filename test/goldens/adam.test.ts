import * as tf from '@tensorflow/tfjs-core';
import { it } from 'vitest';
import { Adam } from '../../src/training/index.js';
import { describeBackends } from '../support/backends.js';
import { formulaTensor, formulaWeight } from '../support/formula.js';
import { expectWithin, Golden, groupError, type Values } from '../support/goldens.js';

interface About {
  learningRate: number;
  steps: number;
  shapes: Record<string, number[]>;
}

const golden = Golden.read<About>('adam');
const { learningRate, steps, shapes, tolerance } = golden.about;

describeBackends('Adam agrees with PyTorch', (backend) => {
  it(`in ${steps} steps`, () => {
    const variables = fromShapes((name, shape) => {
      const initial = tf.tensor(formulaWeight(name, shape), shape);
      const variable = tf.variable(initial);
      initial.dispose();
      return variable;
    });
    const adam = new Adam();
    for (let step = 1; step <= steps; step++) {
      const gradients = fromShapes((name, shape) => {
        const rule = { center: 0, scale: 10 ** (step - 2) };
        return tf.tensor(formulaTensor(`step.${step}/${name}`, shape, rule), shape);
      });
      adam.apply(variables, gradients, learningRate);
      tf.dispose(gradients);
      const found: Values = new Map(
        Object.entries(variables).map(([name, v]) => [name, v.dataSync() as Float32Array]),
      );
      const error = groupError(found, golden.group(`${step}`));
      expectWithin({ what: 'Adam', quantity: `step ${step}`, backend, error, tolerance });
    }
    adam.dispose();
    tf.dispose(variables);
  });
});

function fromShapes<T>(make: (name: string, shape: number[]) => T): Record<string, T> {
  const entries = Object.entries(shapes);
  return Object.fromEntries(entries.map(([name, shape]) => [name, make(name, shape)]));
}
