import type * as tf from '@tensorflow/tfjs-core';
import type { AdamState } from './adam.js';

/** By variable name. */
export type Variables = Record<string, tf.Variable>;
/** By variable name, of the variables' shapes. */
export type Gradients = Record<string, tf.Tensor>;

/** What moves the weights of a network. */
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
  getState(): AdamState;
  /** Takes over a copy of a state, such as that of a checkpoint. */
  setState(state: AdamState): void;
  dispose(): void;
}
