import * as tf from '@tensorflow/tfjs-core';

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

/** Variables that are moved at once, their moments laid end to end. */
interface Group {
  names: string[];
  sizes: number[];
  first: tf.Variable;
  second: tf.Variable;
}

/** Elements of a group, unless one variable alone has more. */
const groupSize = 2 ** 18;

/**
 * Adam, as PyTorch computes it:
 *
 *     m = β1·m + (1−β1)·g,   v = β2·v + (1−β2)·g²
 *     w = w − lr · (m / (1−β1ᵗ)) / (sqrt(v / (1−β2ᵗ)) + ε)
 *
 * The learning rate is an argument of each step, so that a schedule needs no state in here. Small
 * variables are moved together: a network has hundreds, and each op on each of them has its price.
 *
 * Source: Kingma and Ba, arXiv 1412.6980. Provenance: baseline.
 */
export class Adam {
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private step = 0;
  private groups: Group[] = [];
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
    if (this.groups.length === 0) this.createGroups(variables);
    const known = this.groups.flatMap((group) => group.names);
    if (known.length !== names.length || known.some((name) => !variables[name])) {
      throw new Error('Adam: the variables are not those of the step before');
    }
    this.step++;
    for (const group of this.groups) {
      tf.tidy(() => {
        const gradient = flat(group.names.map((name) => gradients[name]!));
        const moves = tf.split(this.move(group, gradient, learningRate), group.sizes);
        group.names.forEach((name, i) => {
          const variable = variables[name]!;
          variable.assign(tf.sub(variable, tf.reshape(moves[i]!, variable.shape)));
        });
      });
    }
  }

  /** A copy of the state, whose tensors are the caller's to dispose. */
  getState(): AdamState {
    const moments: AdamState['moments'] = {};
    const copy = (tensor: tf.Tensor) => tf.clone(tensor);
    for (const [name, { first, second }] of Object.entries(this.resumed)) {
      moments[name] = { first: copy(first), second: copy(second) };
    }
    for (const { names, sizes, first, second } of this.groups) {
      const [firsts, seconds] = [tf.split(first, sizes), tf.split(second, sizes)];
      names.forEach((name, i) => {
        moments[name] = { first: firsts[i]!, second: seconds[i]! };
      });
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
    tf.dispose([this.groups.map(({ first, second }) => [first, second]), this.resumed]);
    this.groups = [];
    this.resumed = {};
    this.step = 0;
  }

  /** Updates the moments of a group. @returns what to take from its variables. */
  private move({ first, second }: Group, gradient: tf.Tensor, learningRate: number): tf.Tensor {
    const m = tf.add(tf.mul(first, this.beta1), tf.mul(gradient, 1 - this.beta1));
    const v = tf.add(tf.mul(second, this.beta2), tf.mul(tf.square(gradient), 1 - this.beta2));
    first.assign(m);
    second.assign(v);
    // Both bias corrections as scalars: lr·√c2/c1 · m / (√v + ε·√c2), one pass less.
    const correction1 = 1 - this.beta1 ** this.step;
    const correction2 = Math.sqrt(1 - this.beta2 ** this.step);
    const root = tf.add(tf.sqrt(v), this.epsilon * correction2);
    return tf.mul(tf.div(m, root), (learningRate * correction2) / correction1);
  }

  private createGroups(variables: Record<string, tf.Variable>): void {
    this.checkResumed(variables);
    this.groups = grouped(variables).map((names) => {
      const sizes = names.map((name) => variables[name]!.size);
      const moment = (kind: 'first' | 'second') =>
        tf.tidy(() => {
          const parts = names.map(
            (name) => this.resumed[name]?.[kind] ?? tf.zeros(variables[name]!.shape),
          );
          return tf.variable(flat(parts), false);
        });
      return { names, sizes, first: moment('first'), second: moment('second') };
    });
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

/** Names of consecutive variables that together have at most `groupSize` elements, or one alone. */
function grouped(variables: Record<string, tf.Variable>): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const [name, { size }] of Object.entries(variables)) {
    if (size > room) {
      groups.push([]);
      room = groupSize;
    }
    groups.at(-1)!.push(name);
    room -= size;
  }
  return groups;
}

function flat(tensors: tf.Tensor[]): tf.Tensor1D {
  return tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1]))) as tf.Tensor1D;
}
