import * as tf from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import { Adam, type Gradients, Sam, type Variables } from '../../src/training/index.js';
import { describeBackends } from '../support/backends.js';
import { formulaTensor, formulaWeight } from '../support/formula.js';
import { expectWithin, Golden, groupError, type Values } from '../support/goldens.js';

interface About {
  learningRate: number;
  steps: number;
  shapes: Record<string, number[]>;
  rho: Record<'sam' | 'asam', number>;
}

const golden = Golden.read<About>('sam');
const { learningRate, steps, shapes, rho, tolerance } = golden.about;

/** Of the loss Σ a·w²/2 + b·w⁴/4. */
function gradientsAt(variables: Variables): Gradients {
  const gradient = (name: string, w: tf.Variable) =>
    tf.tidy(() => {
      const rule = { center: 1, scale: 0.5 };
      const [a, b] = ['a', 'b'].map((part) =>
        tf.tensor(formulaTensor(`${part}/${name}`, w.shape, rule), w.shape),
      );
      return tf.add(tf.mul(a!, w), tf.mul(b!, tf.pow(w, 3)));
    });
  return Object.fromEntries(
    Object.entries(variables).map(([name, w]) => [name, gradient(name, w)]),
  );
}

function valuesOf(tensors: Record<string, tf.Tensor>): Values {
  return new Map(
    Object.entries(tensors).map(([name, tensor]) => [name, tensor.dataSync() as Float32Array]),
  );
}

describeBackends('SAM agrees with PyTorch', (backend) => {
  describe.each(['sam', 'asam'] as const)('%s', (kind) => {
    it(`in ${steps} steps`, async () => {
      const variables: Variables = tf.tidy(() =>
        Object.fromEntries(
          Object.entries(shapes).map(([name, shape]) => [
            name,
            tf.variable(tf.tensor(formulaWeight(name, shape), shape)),
          ]),
        ),
      );
      const optimizer = new Sam(new Adam(), { rho: rho[kind], adaptive: kind === 'asam' });
      for (let step = 1; step <= steps; step++) {
        const all = [gradientsAt(variables)];
        const again = async () => {
          all.push(gradientsAt(variables));
          return all[1]!;
        };
        await optimizer.apply(variables, all[0]!, learningRate, again);
        const errorOf = (tensors: Record<string, tf.Tensor>, group: string) =>
          groupError(valuesOf(tensors), golden.group(`${kind}.${step}${group}`));
        // Adam all but forgets the size of a gradient: it is compared itself as well.
        const error = Math.max(errorOf(variables, ''), errorOf(all[1]!, '.gradients'));
        tf.dispose(all);
        expectWithin({
          what: kind.toUpperCase(),
          quantity: `step ${step}`,
          backend,
          error,
          tolerance,
        });
      }
      optimizer.dispose();
      tf.dispose(variables);
    });
  });
});
