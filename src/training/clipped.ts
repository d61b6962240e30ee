import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import { globalNorm } from './gradient_norm.js';
import type { Gradients, Optimizer } from './optimizer.js';

/**
 * Limits the gradients that an optimizer gets: where their norm, over all variables together, is above
 * `maxNorm`, they are scaled down to it, as PyTorch's `clip_grad_norm_` does. With `Sam`, around it or
 * inside it, what is limited is the gradient that moves the weights.
 *
 * Source: Pascanu et al., arXiv 1211.5063. Provenance: an option, not in the authors' recipe.
 *
 * @throws ArgumentError when `maxNorm` is not a positive number.
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

/** Gradients shortened to a norm of at most `maxNorm`, the caller's to dispose. */
export async function clipByGlobalNorm(gradients: Gradients, maxNorm: number): Promise<Gradients> {
  const scale = maxNorm / ((await globalNorm(Object.values(gradients))) + 1e-6);
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => [
      name,
      scale >= 1 ? tf.clone(gradient) : tf.mul(gradient, scale),
    ]),
  );
}
