import * as tf from '@tensorflow/tfjs-core';
import { adamUpdate } from '../ops/adam_update.js';

export interface AdamConfig {
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Default 1e-8, as in PyTorch. */
  epsilon?: number;
}

/** What resuming needs, by variable name. */
export interface AdamState {
  step: number;
  moments: Record<string, { first: tf.Tensor; second: tf.Tensor }>;
}

/** The moments of a variable, flat. */
interface Moments {
  first: tf.Tensor;
  second: tf.Tensor;
}

/**
 * Adam, as PyTorch computes it:
 *
 *     m = β1·m + (1−β1)·g,   v = β2·v + (1−β2)·g²
 *     w = w − lr · (m / (1−β1ᵗ)) / (sqrt(v / (1−β2ᵗ)) + ε)
 *
 * The learning rate is an argument of each step, so that a schedule needs no state in here.
 *
 * Source: Kingma and Ba, arXiv 1412.6980. Provenance: baseline.
 */
export class Adam {
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private step = 0;
  /** By variable name; none before the first step. */
  private moments = new Map<string, Moments>();
  /** Set by `setState`, until the first step knows the variables. */
  private resumed: AdamState['moments'] = {};

  constructor({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamConfig = {}) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
  }

  /**
   * Moves each variable against its gradient.
   *
   * @param variables By name, the same in every step.
   * @param gradients By variable name, of the variables' shapes, one for each variable.
   * @throws Error when a variable has no gradient, or the variables are not those of the last step or
   *   of the state that was set.
   */
  apply(
    variables: Record<string, tf.Variable>,
    gradients: Record<string, tf.Tensor>,
    learningRate: number,
  ): void {
    const names = Object.keys(variables);
    const missing = names.find((name) => !gradients[name]);
    if (missing !== undefined) throw new Error(`Adam: the variable ${missing} has no gradient`);
    if (this.moments.size === 0) this.createMoments(variables);
    if (this.moments.size !== names.length || names.some((name) => !this.moments.has(name))) {
      throw new Error('Adam: the variables are not those of the step before');
    }
    this.step++;
    for (const name of names) this.move(name, variables[name]!, gradients[name]!, learningRate);
  }

  /** A copy of the state, whose tensors are the caller's to dispose. */
  getState(): AdamState {
    const moments: AdamState['moments'] = {};
    for (const [name, { first, second }] of [...Object.entries(this.resumed), ...this.moments]) {
      moments[name] = { first: tf.clone(first), second: tf.clone(second) };
    }
    return { step: this.step, moments };
  }

  /** Takes over a copy of a state, such as that of a checkpoint. */
  setState({ step, moments }: AdamState): void {
    this.dispose();
    this.step = step;
    for (const [name, { first, second }] of Object.entries(moments)) {
      this.resumed[name] = { first: tf.keep(tf.clone(first)), second: tf.keep(tf.clone(second)) };
    }
  }

  /** Frees all moments. */
  dispose(): void {
    for (const { first, second } of this.moments.values()) tf.dispose([first, second]);
    tf.dispose(this.resumed);
    this.moments.clear();
    this.resumed = {};
    this.step = 0;
  }

  /** Updates a variable and its moments. */
  private move(
    name: string,
    variable: tf.Variable,
    gradient: tf.Tensor,
    learningRate: number,
  ): void {
    // Both bias corrections as scalars: lr·√c2/c1 · m / (√v + ε·√c2), one pass less.
    const correction1 = 1 - this.beta1 ** this.step;
    const correction2 = Math.sqrt(1 - this.beta2 ** this.step);
    const { first, second } = this.moments.get(name)!;
    tf.tidy(() => {
      const flat = [variable.size];
      const updated = adamUpdate(
        tf.reshape(variable, flat),
        first,
        second,
        tf.reshape(gradient, flat),
        {
          rate: (learningRate * correction2) / correction1,
          beta1: this.beta1,
          beta2: this.beta2,
          epsilon: this.epsilon * correction2,
        },
      );
      variable.assign(tf.reshape(updated.weight, variable.shape));
      this.moments.set(name, { first: tf.keep(updated.first), second: tf.keep(updated.second) });
    });
    tf.dispose([first, second]);
  }

  private createMoments(variables: Record<string, tf.Variable>): void {
    this.checkResumed(variables);
    for (const [name, { size }] of Object.entries(variables)) {
      const from = this.resumed[name];
      const moment = (given?: tf.Tensor) =>
        tf.keep(tf.tidy(() => (given ? tf.reshape(given, [size]) : tf.zeros([size]))));
      this.moments.set(name, { first: moment(from?.first), second: moment(from?.second) });
    }
    tf.dispose(this.resumed);
    this.resumed = {};
  }

  /** Moments of other variables would be lost without a word, and missing ones count as zeros. */
  private checkResumed(variables: Record<string, tf.Variable>): void {
    if (this.step === 0) return;
    const unknown = Object.keys(this.resumed).find((name) => !variables[name]);
    if (unknown !== undefined)
      throw new Error(`Adam: the state is of ${unknown}, no variable here`);
    const missing = Object.keys(variables).find((name) => !this.resumed[name]);
    if (missing !== undefined) throw new Error(`Adam: the state has nothing for ${missing}`);
  }
}
