import * as tf from '@tensorflow/tfjs-core';
import { it } from 'vitest';
import { Adam, AdamW, clipped, type Optimizer, Sgd } from '../../src/training/index.js';
import { describeBackends } from '../support/backends.js';
import { formulaTensor, formulaWeight } from '../support/formula.js';
import { expectWithin, Golden, groupError, type Values } from '../support/goldens.js';

interface About {
  learningRate: number;
  steps: number;
  shapes: Record<string, number[]>;
  weightDecay: number;
  momentum: number;
  clipNorm: number;
}

const golden = Golden.read<About>('optimizers');
const { learningRate, steps, shapes, tolerance, weightDecay, momentum, clipNorm } = golden.about;

const makers: Record<string, () => Optimizer> = {
  adam_l2: () => new Adam({ weightDecay }),
  adamw: () => new AdamW({ weightDecay }),
  sgd: () => new Sgd({ weightDecay }),
  momentum: () => new Sgd({ momentum, weightDecay }),
  nesterov: () => new Sgd({ momentum, nesterov: true }),
  clipped: () => clipped(new Sgd({ momentum }), clipNorm),
};

const notAgain = () => Promise.reject(new Error('one gradient is enough'));

describeBackends('optimizers agree with PyTorch', (backend) => {
  it.each(Object.keys(makers))(`%s in ${steps} steps`, async (kind) => {
    const variables = fromShapes((name, shape) =>
      tf.tidy(() => tf.variable(tf.tensor(formulaWeight(name, shape), shape))),
    );
    const optimizer = makers[kind]!();
    for (let step = 1; step <= steps; step++) {
      const gradients = fromShapes((name, shape) => {
        const rule = { center: 0, scale: 10 ** (step - 2) };
        return tf.tensor(formulaTensor(`step.${step}/${name}`, shape, rule), shape);
      });
      await optimizer.apply(variables, gradients, learningRate, notAgain);
      tf.dispose(gradients);
      const found: Values = new Map(
        Object.entries(variables).map(([name, v]) => [name, v.dataSync() as Float32Array]),
      );
      const error = groupError(found, golden.group(`${kind}.${step}`));
      expectWithin({ what: kind, quantity: `step ${step}`, backend, error, tolerance });
    }
    optimizer.dispose();
    tf.dispose(variables);
  });
});

function fromShapes<T>(make: (name: string, shape: number[]) => T): Record<string, T> {
  const entries = Object.entries(shapes);
  return Object.fromEntries(entries.map(([name, shape]) => [name, make(name, shape)]));
}
