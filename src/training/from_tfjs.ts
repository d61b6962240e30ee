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

/** What an optimizer of tfjs has beyond its public type. */
interface Inner {
  learningRate: number;
  /** SGD and Momentum keep it as a tensor too. */
  setLearningRate?(rate: number): void;
  /** Of Momentum, which forgets to dispose it. */
  c?: tf.Tensor;
  centered?: boolean;
}

/** What each keeps of a variable, in the order of its `getWeights`. Adamax does not give it away. */
const slotsByClass: Record<string, readonly string[]> = {
  SGD: [],
  Momentum: ['momentum'],
  Adagrad: ['accumulator'],
  Adadelta: ['accum_grad', 'accum_var'],
  RMSProp: ['rms', 'momentum'],
  Adam: ['m', 'v'],
};

/**
 * One of tfjs's own optimizers (`tf.train.adam(…)`, …) as one of ours, for `trainStep`, `Sam`, `clipped`
 * and checkpoints. The learning rate is that of each step, not the one it was made with.
 *
 * It belongs to the adapter from then on: `dispose` frees it.
 *
 * State: all but `tf.train.adamax`, which tfjs cannot save: `getState` and `setState` throw ArgumentError. So
 * does `apply` where the variables are not those of the step before.
 *
 * @example
 * const w = tf.variable(tf.scalar(1));
 * const optimizer = fromTfjs(tf.train.sgd(0.1));
 * const gradients = async () => ({ w: tf.scalar(2) });
 * await optimizer.apply({ w }, await gradients(), 0.25, gradients); // 0.25, whatever it was made with
 * console.log(w.dataSync()[0]); // 0.5
 */
export function fromTfjs(optimizer: tf.Optimizer): Optimizer {
  return new TfjsOptimizer(optimizer);
}

class TfjsOptimizer implements Optimizer {
  private readonly who: string;
  /** Names of the variables in the order of the first step, which tfjs tells them by. */
  private names: string[] | undefined;
  /** Set by `setState`, until the next step knows the variables. */
  private resumed: OptimizerState | undefined;

  constructor(private readonly optimizer: tf.Optimizer) {
    this.who = `tfjs's ${optimizer.getClassName()}`;
  }

  async apply(variables: Variables, gradients: Gradients, learningRate: number): Promise<void> {
    checkGradients(this.who, variables, gradients);
    if (this.resumed) await this.restore(variables, this.resumed);
    this.names ??= Object.keys(variables);
    if (Object.keys(variables).join() !== this.names.join()) {
      throw new ArgumentError(`${this.who}: the variables are not those of the step before`);
    }
    const inner = this.optimizer as unknown as Inner;
    if (inner.learningRate !== learningRate) {
      if (inner.setLearningRate) inner.setLearningRate(learningRate);
      else inner.learningRate = learningRate;
    }
    // By the engine's names of variables, which differ from those they are saved under.
    this.optimizer.applyGradients(
      this.names.map((name) => ({ name: variables[name]!.name, tensor: gradients[name]! })),
    );
  }

  async getState(): Promise<OptimizerState> {
    const slotNames = this.slotNames();
    if (this.resumed) return mapState(this.resumed, tf.clone);
    const names = this.names ?? [];
    const [step, tensors] = await this.weights();
    const ofSlot = (slot: number) =>
      Object.fromEntries(
        names.map((name, i) => [name, tf.clone(tensors[slot * names.length + i]!)]),
      );
    return { step, slots: Object.fromEntries(slotNames.map((slot, i) => [slot, ofSlot(i)])) };
  }

  setState(state: OptimizerState): void {
    checkSlots(this.who, this.slotNames(), state);
    tf.dispose(this.resumed?.slots);
    this.resumed = mapState(state, (tensor) => tf.keep(tf.clone(tensor)));
  }

  dispose(): void {
    this.optimizer.dispose();
    (this.optimizer as unknown as Inner).c?.dispose();
    tf.dispose(this.resumed?.slots);
    this.resumed = undefined;
  }

  private slotNames(): readonly string[] {
    const slots = slotsByClass[this.optimizer.getClassName()];
    if (!slots)
      throw new ArgumentError(`${this.who} cannot be saved: it does not give its state away`);
    const { centered = false } = this.optimizer as unknown as Inner;
    return centered ? [...slots, 'mg'] : slots;
  }

  /** Steps taken, and the optimizer's own tensors, one slot after the other. */
  private async weights(): Promise<[step: number, tensors: tf.Tensor[]]> {
    const [steps, ...rest] = await this.optimizer.getWeights();
    const [step] = await steps!.tensor.data();
    steps!.tensor.dispose(); // Made anew for each call.
    return [step!, rest.map(({ tensor }) => tensor)];
  }

  private async restore(variables: Variables, state: OptimizerState): Promise<void> {
    checkStateOf(this.who, variables, state);
    const names = Object.keys(variables);
    const [, replaced] = await this.weights();
    const slots = this.slotNames().flatMap((slot) =>
      state.step === 0
        ? []
        : names.map((name) => ({
            name: `${variables[name]!.name}/${slot}`,
            tensor: tf.reshape(state.slots[slot]![name]!, variables[name]!.shape),
          })),
    );
    const step = tf.scalar(state.step, 'int32');
    await this.optimizer.setWeights([{ name: 'iter', tensor: step }, ...slots]);
    // It made variables of what it was given, and forgot what it had.
    tf.dispose([step, slots.map(({ tensor }) => tensor), replaced, state.slots]);
    this.names = names;
    this.resumed = undefined;
  }
}
