import type * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';

/** By variable name. */
export type Variables = Record<string, tf.Variable>;
/** By variable name, of the variables' shapes. */
export type Gradients = Record<string, tf.Tensor>;

/** What an optimizer remembers. */
export interface OptimizerState {
  /** How many steps were taken. */
  step: number;
  /** By what it is, such as `momentum`, then by variable name. Each has the size of its variable. */
  slots: Record<string, Record<string, tf.Tensor>>;
}

/**
 * What moves the weights of a network.
 *
 * @example
 * const signSgd: Optimizer = {
 *   apply(variables, gradients, learningRate) {
 *     for (const [name, w] of Object.entries(variables)) {
 *       tf.tidy(() => w.assign(tf.sub(w, tf.mul(tf.sign(gradients[name]), learningRate))));
 *     }
 *   },
 *   getState: () => ({ step: 0, slots: {} }), // it remembers nothing
 *   setState: () => {},
 *   dispose: () => {},
 * };
 * const w = tf.variable(tf.tensor1d([1, 1]));
 * signSgd.apply({ w }, { w: tf.tensor1d([3, -0.1]) }, 0.5, async () => ({}));
 * console.log(w.arraySync()); // [ 0.5, 1.5 ]
 */
export interface Optimizer {
  /**
   * Moves each variable against its gradient.
   *
   * @param variables The same in every step.
   * @param gradients One for each variable, at its present value.
   * @param again Computes the gradients anew, at the values that the variables have by then.
   */
  apply(
    variables: Variables,
    gradients: Gradients,
    learningRate: number,
    again: () => Promise<Gradients>,
  ): void | Promise<void>;
  /** What resuming needs. A copy, whose tensors are the caller's to dispose. */
  getState(): OptimizerState | Promise<OptimizerState>;
  /** Takes over a copy of a state, such as that of a checkpoint. @throws ArgumentError when it is of another optimizer. */
  setState(state: OptimizerState): void;
  /** Frees what it remembers. */
  dispose(): void;
}

/** Refuses gradients that are not one for each variable. @throws ArgumentError */
export function checkGradients(who: string, variables: Variables, gradients: Gradients): void {
  const missing = Object.keys(variables).find((name) => !gradients[name]);
  if (missing !== undefined)
    throw new ArgumentError(`${who}: the variable ${missing} has no gradient`);
}

/** Refuses a state whose slots are not exactly these. @throws ArgumentError */
export function checkSlots(
  who: string,
  wanted: readonly string[],
  { step, slots }: OptimizerState,
) {
  if (step === 0) return;
  const [has, needs] = [Object.keys(slots).sort().join(', '), [...wanted].sort().join(', ')];
  if (has !== needs) {
    throw new ArgumentError(
      `${who}: the state is of another optimizer: it has ${has || 'no slots'}, expected ${needs || 'none'}`,
    );
  }
}

/** Refuses the state of other variables: what is missing would count as zeros, the rest be lost. @throws ArgumentError */
export function checkStateOf(
  who: string,
  variables: Variables,
  { step, slots }: OptimizerState,
): void {
  if (step === 0) return;
  for (const ofSlot of Object.values(slots)) {
    const unknown = Object.keys(ofSlot).find((name) => !variables[name]);
    if (unknown !== undefined) {
      throw new ArgumentError(`${who}: the state is of ${unknown}, no variable here`);
    }
    for (const [name, { size }] of Object.entries(variables)) {
      const found = ofSlot[name];
      if (!found) throw new ArgumentError(`${who}: the state has nothing for ${name}`);
      if (found.size !== size) {
        throw new ArgumentError(
          `${who}: the state has ${found.size} values for ${name}, expected ${size}`,
        );
      }
    }
  }
}

/** A copy of a state, through `each` tensor. */
export function mapState(
  { step, slots }: OptimizerState,
  each: (tensor: tf.Tensor) => tf.Tensor,
): OptimizerState {
  return { step, slots: mapValues(slots, (ofSlot) => mapValues(ofSlot, each)) };
}

function mapValues<T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
