import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import { globalNorm } from './gradient_norm.js';
import type { Gradients, Optimizer } from './optimizer.js';

/**
 * Limits the gradients that an optimizer gets: where their norm, over all variables together, is above
 * `maxNorm`, they are scaled down to it, as PyTorch's `clip_grad_norm_` does. With `Sam`, around it or
 * inside it, what is limited is the gradient that moves the weights.
 *
 * @throws ArgumentError when `maxNorm` is not a positive number.
 *
 * @example
 * const w = tf.variable(tf.tensor1d([0, 0]));
 * const optimizer = clipped(new Sgd(), 1);
 * const gradients = async () => ({ w: tf.tensor1d([30, 40]) }); // a norm of 50
 * await optimizer.apply({ w }, await gradients(), 0.5, gradients);
 * console.log(w.arraySync().map((value) => value.toFixed(2))); // [ '-0.30', '-0.40' ]
 *
 * Source: Pascanu et al., arXiv 1211.5063. Provenance: an option, not in the authors' recipe.
 */
export function clipped(optimizer: Optimizer, maxNorm: number): Optimizer {
  if (!(maxNorm > 0))
    throw new ArgumentError(`clipped: maxNorm must be a positive number, not ${maxNorm}`);
  return {
    async apply(variables, gradients, learningRate, again) {
      const owned: Gradients[] = [];
      const clip = async (given: Gradients) => {
        owned.push(await clipByGlobalNorm(given, maxNorm));
        return owned.at(-1)!;
      };
      try {
        const shorter = await clip(gradients);
        await optimizer.apply(variables, shorter, learningRate, async () => clip(await again()));
      } finally {
        tf.dispose(owned);
      }
    },
    getState: () => optimizer.getState(),
    setState: (state) => optimizer.setState(state),
    dispose: () => optimizer.dispose(),
  };
}

/**
 * Gradients shortened to a norm of at most `maxNorm`, the caller's to dispose.
 *
 * @example
 * const gradients = { a: tf.tensor1d([3, 0]), b: tf.scalar(4) }; // a norm of 5
 * const { a, b } = await clipByGlobalNorm(gradients, 1);
 * console.log(a.dataSync()[0].toFixed(2), b.dataSync()[0].toFixed(2)); // 0.60 0.80
 */
export async function clipByGlobalNorm(gradients: Gradients, maxNorm: number): Promise<Gradients> {
  const scale = maxNorm / ((await globalNorm(Object.values(gradients))) + 1e-6);
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => [
      name,
      scale >= 1 ? tf.clone(gradient) : tf.mul(gradient, scale),
    ]),
  );
}
