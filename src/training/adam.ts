import * as tf from '@tensorflow/tfjs-core';
import { adamUpdate } from '../ops/adam_update.js';
import { addScaled } from '../ops/add_scaled.js';
import { checkNumber } from '../ops/number_check.js';
import { SlotOptimizer, type VariableStep } from './slot_optimizer.js';

/** Constants of `Adam` and `AdamW`. */
export interface AdamConfig {
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Default 1e-8, as in PyTorch. */
  epsilon?: number;
  /** Share of each weight that is added to its gradient (L2). Default 0; `AdamW` does it otherwise. */
  weightDecay?: number;
}

/**
 * Adam, as PyTorch computes it:
 *
 *     g = g + decay·w
 *     m = β1·m + (1−β1)·g,   v = β2·v + (1−β2)·g²
 *     w = w − lr · (m / (1−β1ᵗ)) / (sqrt(v / (1−β2ᵗ)) + ε)
 *
 * The learning rate is an argument of each step, so that a schedule needs no state in here. Slots:
 * `first` m, `second` v.
 *
 * @example
 * const w = tf.variable(tf.tensor1d([1, -1]));
 * const optimizer = new Adam();
 * optimizer.apply({ w }, { w: tf.tensor1d([0.5, -3]) }, 0.25); // the first step has the size of the rate
 * console.log(w.arraySync().map((value) => value.toFixed(2))); // [ '0.75', '-0.75' ]
 *
 * Source: Kingma and Ba, arXiv 1412.6980. Provenance: baseline, without decay.
 */
export class Adam extends SlotOptimizer {
  private readonly config: Required<AdamConfig>;

  /** @param who Its name in errors. @throws ArgumentError for constants out of range. */
  constructor(
    { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamConfig = {},
    who = 'Adam',
  ) {
    super(who, ['first', 'second']);
    checkNumber(who, 'beta1', beta1, { from: 0, below: 1 });
    checkNumber(who, 'beta2', beta2, { from: 0, below: 1 });
    checkNumber(who, 'epsilon', epsilon, { from: 0 });
    checkNumber(who, 'weightDecay', weightDecay, { from: 0 });
    this.config = { beta1, beta2, epsilon, weightDecay };
  }

  protected override move({ weight, gradient, slots, learningRate, step }: VariableStep) {
    const { beta1, beta2, epsilon, weightDecay } = this.config;
    // Both bias corrections as scalars: lr·√c2/c1 · m / (√v + ε·√c2), one pass less.
    const correction1 = 1 - beta1 ** step;
    const correction2 = Math.sqrt(1 - beta2 ** step);
    const slope = weightDecay > 0 ? addScaled(gradient, weight, weightDecay) : gradient;
    const moved = adamUpdate(weight, slots.first!, slots.second!, slope, {
      rate: (learningRate * correction2) / correction1,
      beta1,
      beta2,
      epsilon: epsilon * correction2,
    });
    return { weight: moved.weight, slots: { first: moved.first, second: moved.second } };
  }
}

/**
 * Adam with decoupled weight decay, as PyTorch computes it: `w = w − lr·decay·w`, then a step of Adam
 * on the gradient alone.
 *
 * @example
 * const w = tf.variable(tf.tensor1d([1, -1]));
 * const optimizer = new AdamW({ weightDecay: 0.4 });
 * optimizer.apply({ w }, { w: tf.tensor1d([0.5, -3]) }, 0.25); // 0.25 · 0.4 of each weight decays
 * console.log(w.arraySync().map((value) => value.toFixed(2))); // [ '0.65', '-0.65' ]
 *
 * Source: Loshchilov and Hutter, arXiv 1711.05101. Provenance: an option, not in the authors' recipe.
 */
export class AdamW extends Adam {
  private readonly decay: number;

  /** `weightDecay` is 0.01 by default, as in PyTorch. @throws as `Adam`. */
  constructor({ weightDecay = 0.01, ...adam }: AdamConfig = {}) {
    super(adam, 'AdamW');
    checkNumber('AdamW', 'weightDecay', weightDecay, { from: 0 });
    this.decay = weightDecay;
  }

  protected override move(variable: VariableStep) {
    const { weight, learningRate } = variable;
    return super.move({ ...variable, weight: tf.mul(weight, 1 - learningRate * this.decay) });
  }
}
