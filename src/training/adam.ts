import * as tf from '@tensorflow/tfjs-core';

export interface AdamConfig {
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Default 1e-8, as in PyTorch. */
  epsilon?: number;
}

/** A variable's first and second moment. */
interface Moments {
  first: tf.Variable;
  second: tf.Variable;
}

/** What resuming needs, by variable name. */
export interface AdamState {
  step: number;
  moments: Record<string, { first: tf.Tensor; second: tf.Tensor }>;
}

/**
 * Adam, as PyTorch computes it:
 *
 *     m = β1·m + (1−β1)·g,   v = β2·v + (1−β2)·g²
 *     w = w − lr · (m / (1−β1ᵗ)) / (sqrt(v / (1−β2ᵗ)) + ε)
 *
 * The learning rate is an argument of each step, so that a schedule needs no state in here.
 * TensorFlow.js' own Adam keeps β powers in tensors, adds another ε and takes a third more ops.
 *
 * Source: Kingma and Ba, arXiv 1412.6980. Provenance: baseline.
 */
export class Adam {
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private readonly moments = new Map<string, Moments>();
  private step = 0;

  constructor({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamConfig = {}) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
  }

  /**
   * Moves each variable against its gradient.
   *
   * @param variables By name; every gradient needs its variable.
   * @param gradients By variable name, of the variables' shapes.
   */
  apply(
    variables: Record<string, tf.Variable>,
    gradients: Record<string, tf.Tensor>,
    learningRate: number,
  ): void {
    this.step++;
    const correction1 = 1 - this.beta1 ** this.step;
    const correction2 = Math.sqrt(1 - this.beta2 ** this.step);
    for (const [name, gradient] of Object.entries(gradients)) {
      const variable = variables[name];
      if (!variable) throw new Error(`Adam: there is a gradient, but no variable ${name}`);
      const { first, second } = this.momentsOf(name, variable);
      tf.tidy(() => {
        const m = tf.add(tf.mul(first, this.beta1), tf.mul(gradient, 1 - this.beta1));
        const v = tf.add(tf.mul(second, this.beta2), tf.mul(tf.square(gradient), 1 - this.beta2));
        first.assign(m);
        second.assign(v);
        // Both bias corrections as scalars: lr/c1 · m / (√v/√c2 + ε), one pass less.
        const scale = (learningRate * correction2) / correction1;
        const root = tf.add(tf.sqrt(v), this.epsilon * correction2);
        variable.assign(tf.sub(variable, tf.mul(tf.div(m, root), scale)));
      });
    }
  }

  /** The state; its tensors stay the optimizer's. */
  getState(): AdamState {
    return { step: this.step, moments: Object.fromEntries(this.moments) };
  }

  /** Takes over a copy of a state, such as that of a checkpoint. */
  setState({ step, moments }: AdamState): void {
    this.dispose();
    this.step = step;
    for (const [name, { first, second }] of Object.entries(moments)) {
      this.moments.set(name, {
        first: tf.variable(first, false),
        second: tf.variable(second, false),
      });
    }
  }

  /** Frees all moments. */
  dispose(): void {
    for (const { first, second } of this.moments.values()) tf.dispose([first, second]);
    this.moments.clear();
    this.step = 0;
  }

  private momentsOf(name: string, variable: tf.Variable): Moments {
    let moments = this.moments.get(name);
    if (!moments) {
      const zeros = () => tf.tidy(() => tf.variable(tf.zeros(variable.shape), false));
      moments = { first: zeros(), second: zeros() };
      this.moments.set(name, moments);
    }
    return moments;
  }
}
