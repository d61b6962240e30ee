import type * as tf from '@tensorflow/tfjs-core';
import { addScaled } from '../ops/add_scaled.js';
import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import { SlotOptimizer, type Slots, type VariableStep } from './slot_optimizer.js';

/** Constants of `Sgd`. */
export interface SgdConfig {
  /** μ. Default 0: none. */
  momentum?: number;
  /** Looks ahead along the momentum. Default false. */
  nesterov?: boolean;
  /** Share of each weight that is added to its gradient (L2). Default 0. */
  weightDecay?: number;
}

/**
 * Stochastic gradient descent, as PyTorch computes it:
 *
 *     g = g + decay·w,   m = μ·m + g
 *     w = w − lr·m       (nesterov: w − lr·(g + μ·m))
 *
 * Slots: `momentum` m, where μ is not 0.
 *
 * @example
 * const w = tf.variable(tf.tensor1d([1, -1]));
 * const gradients = { w: tf.tensor1d([0.5, -3]) };
 * const optimizer = new Sgd({ momentum: 0.5 });
 * for (let step = 0; step < 2; step++) optimizer.apply({ w }, gradients, 0.5);
 * console.log(w.arraySync()); // [ 0.375, 2.75 ]
 *
 * Source: Sutskever et al., ICML 2013, in PyTorch's form, whose learning rate is outside of m.
 * Provenance: an option, not in the authors' recipe.
 */
export class Sgd extends SlotOptimizer {
  private readonly config: Required<SgdConfig>;

  /** @throws ArgumentError for negative constants, and when nesterov is asked for without momentum. */
  constructor({ momentum = 0, nesterov = false, weightDecay = 0 }: SgdConfig = {}) {
    checkNumber('Sgd', 'momentum', momentum, { from: 0 });
    checkNumber('Sgd', 'weightDecay', weightDecay, { from: 0 });
    if (nesterov && !(momentum > 0)) {
      throw new ArgumentError(`Sgd: nesterov needs a momentum above 0, not ${momentum}`);
    }
    super('Sgd', momentum > 0 ? ['momentum'] : []);
    this.config = { momentum, nesterov, weightDecay };
  }

  protected override move({ weight, gradient, slots, learningRate }: VariableStep): {
    weight: tf.Tensor;
    slots: Slots;
  } {
    const { momentum, nesterov, weightDecay } = this.config;
    const slope = weightDecay > 0 ? addScaled(gradient, weight, weightDecay) : gradient;
    const along = (step: tf.Tensor) => addScaled(weight, step, -learningRate);
    if (momentum === 0) return { weight: along(slope), slots: {} };
    const velocity = addScaled(slope, slots.momentum!, momentum);
    const step = nesterov ? addScaled(slope, velocity, momentum) : velocity;
    return { weight: along(step), slots: { momentum: velocity } };
  }
}
