import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import {
  checkGradients,
  checkSlots,
  checkStateOf,
  type Gradients,
  mapState,
  type Optimizer,
  type OptimizerState,
  type Variables,
} from './optimizer.js';

/** What an optimizer remembers of one variable, of its shape, by slot. */
export type Slots = Record<string, tf.Tensor>;

/** One variable in one step; all tensors have its shape. */
export interface VariableStep {
  /** Its value before the step. */
  weight: tf.Tensor;
  /** Of the loss by it. */
  gradient: tf.Tensor;
  /** Zeros before the first step. */
  slots: Slots;
  /** Of this step. */
  learningRate: number;
  /** From 1 on. */
  step: number;
}

/** An optimizer that moves each variable on its own, and remembers a few tensors of its size. */
export abstract class SlotOptimizer implements Optimizer {
  private step = 0;
  /** By variable name; none before the first step. */
  private slots = new Map<string, Slots>();
  /** Set by `setState`, until the first step knows the variables. */
  private resumed: OptimizerState | undefined;

  /** @param who Its name in errors. */
  protected constructor(
    private readonly who: string,
    private readonly slotNames: readonly string[],
  ) {}

  /** @returns The new weight and slots: new tensors. Runs inside `tidy`. */
  protected abstract move(variable: VariableStep): { weight: tf.Tensor; slots: Slots };

  /**
   * Moves each variable against its gradient.
   *
   * @param variables By name, the same in every step.
   * @param gradients By variable name, of the variables' shapes, one for each variable.
   * @throws ArgumentError when a variable has no gradient, or the variables are not those of the last step or
   *   of the state that was set.
   */
  apply(variables: Variables, gradients: Gradients, learningRate: number): void {
    checkGradients(this.who, variables, gradients);
    if (this.slots.size === 0) this.createSlots(variables);
    const names = Object.keys(variables);
    if (this.slots.size !== names.length || names.some((name) => !this.slots.has(name))) {
      throw new ArgumentError(`${this.who}: the variables are not those of the step before`);
    }
    this.step++;
    for (const name of names) {
      this.moveVariable(name, variables[name]!, gradients[name]!, learningRate);
    }
  }

  getState(): OptimizerState {
    if (this.resumed) return mapState(this.resumed, tf.clone);
    const entries = [...this.slots];
    const ofSlot = (slot: string) =>
      Object.fromEntries(entries.map(([name, slots]) => [name, tf.clone(slots[slot]!)]));
    const slots = Object.fromEntries(this.slotNames.map((slot) => [slot, ofSlot(slot)]));
    return { step: this.step, slots };
  }

  setState(state: OptimizerState): void {
    checkSlots(this.who, this.slotNames, state);
    this.dispose();
    this.step = state.step;
    this.resumed = mapState(state, (tensor) => tf.keep(tf.clone(tensor)));
  }

  /** Frees all slots. */
  dispose(): void {
    for (const slots of this.slots.values()) tf.dispose(slots);
    tf.dispose(this.resumed?.slots);
    this.slots.clear();
    this.resumed = undefined;
    this.step = 0;
  }

  private moveVariable(
    name: string,
    variable: tf.Variable,
    gradient: tf.Tensor,
    learningRate: number,
  ): void {
    const before = this.slots.get(name)!;
    tf.tidy(() => {
      const moved = this.move({
        weight: variable,
        gradient,
        slots: before,
        learningRate,
        step: this.step,
      });
      variable.assign(moved.weight);
      for (const slot of Object.values(moved.slots)) tf.keep(slot);
      this.slots.set(name, moved.slots);
    });
    tf.dispose(before);
  }

  private createSlots(variables: Variables): void {
    if (this.resumed) checkStateOf(this.who, variables, this.resumed);
    for (const [name, { shape }] of Object.entries(variables)) {
      const slotOf = (slot: string) => {
        const saved = this.resumed?.slots[slot]?.[name];
        return tf.keep(tf.tidy(() => (saved ? tf.reshape(saved, shape) : tf.zeros(shape))));
      };
      this.slots.set(name, Object.fromEntries(this.slotNames.map((slot) => [slot, slotOf(slot)])));
    }
    tf.dispose(this.resumed?.slots);
    this.resumed = undefined;
  }
}
