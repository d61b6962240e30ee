import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { Adam, type AdamConfig } from '../../src/training/index.js';
import { randomArray, toArray, toTensor } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectClose } from '../support/gradient_check.js';
import { adamStep, type NdArray, ndArray } from '../support/reference/index.js';

const shapes: Record<string, number[]> = { kernel: [3, 4], bias: [4], scale: [] };
const names = Object.keys(shapes);

type Named<T> = Record<string, T>;

function mapNames<T>(make: (name: string, index: number) => T): Named<T> {
  return Object.fromEntries(names.map((name, i) => [name, make(name, i)]));
}

const initial = mapNames((name, i) => randomArray(shapes[name]!, i + 1));
/** Gradients of very different sizes, which Adam's division evens out. */
const gradientsAt = (t: number) =>
  mapNames((name, i) => randomArray(shapes[name]!, 100 * t + i, { scale: 10 ** (i * 2 - 3) }));

function makeVariables(from: Named<NdArray> = initial): Named<tf.Variable> {
  return mapNames((name) => tf.tidy(() => tf.variable(toTensor(from[name]!))));
}

function step(optimizer: Adam, variables: Named<tf.Variable>, t: number, learningRate = 0.01) {
  tf.tidy(() => {
    const gradients = gradientsAt(t);
    optimizer.apply(
      variables,
      mapNames((name) => toTensor(gradients[name]!)),
      learningRate,
    );
  });
}

const valuesOf = (variables: Named<tf.Variable>) => mapNames((name) => toArray(variables[name]!));

describeBackends('Adam', () => {
  it.each([{}, { beta1: 0.8, beta2: 0.9, epsilon: 1e-3 }] as AdamConfig[])(
    'equals its definition over six steps with rates that change: %j',
    (config) => {
      const optimizer = new Adam(config);
      const variables = makeVariables();
      const expected = mapNames((name) => [...initial[name]!.data]);
      const moments = mapNames((name) => ({
        first: expected[name]!.map(() => 0),
        second: expected[name]!.map(() => 0),
      }));
      for (let t = 1; t <= 6; t++) {
        const rate = 0.01 * 0.9 ** t;
        step(optimizer, variables, t, rate);
        const gradients = gradientsAt(t);
        for (const name of names) {
          expected[name] = adamStep(
            expected[name]!,
            [...gradients[name]!.data],
            moments[name]!,
            t,
            rate,
            config,
          );
        }
      }
      for (const name of names) {
        const change = ({ data }: NdArray) =>
          ndArray([data.length], (i) => data[i]! - initial[name]!.data[i]!);
        const reached = ndArray(shapes[name]!, expected[name]!);
        // Of the change, not of the weight: rounding of weights near 1 is 1e-5 of a change of 0.04.
        expectClose([change(toArray(variables[name]!))], change(reached), 1e-4);
      }
      optimizer.dispose();
      tf.dispose(variables);
    },
  );

  it('goes on from a saved state as if nothing had happened', () => {
    const [optimizer, variables] = [new Adam(), makeVariables()];
    for (let t = 1; t <= 3; t++) step(optimizer, variables, t);

    const state = optimizer.getState();
    const [resumed, copies] = [new Adam(), makeVariables(valuesOf(variables))];
    resumed.setState(state);
    tf.dispose(state.slots);
    for (let t = 4; t <= 6; t++) {
      step(optimizer, variables, t);
      step(resumed, copies, t);
    }
    expect(valuesOf(copies)).toEqual(valuesOf(variables));
    optimizer.dispose();
    resumed.dispose();
    tf.dispose([variables, copies]);
  });

  it('refuses a state of other variables', () => {
    const [optimizer, variables] = [new Adam(), makeVariables()];
    step(optimizer, variables, 1);
    const state = optimizer.getState();
    const { first, second } = state.slots as Named<Named<tf.Tensor>>;
    const { bias, kernel, ...rest } = second!;
    for (const [other, message] of [
      [{ ...second, other: bias! }, /the state is of other, no variable/],
      [{ bias: bias!, ...rest }, /has nothing for kernel/],
      [{ bias: kernel!, kernel: bias!, ...rest }, /has 4 values for kernel, expected 12/],
    ] as const) {
      const resumed = new Adam();
      resumed.setState({ step: 1, slots: { first: first!, second: other } });
      expect(() => step(resumed, variables, 2)).toThrow(message);
      resumed.dispose();
    }
    optimizer.dispose();
    const stranger = new Adam();
    expect(() => stranger.setState({ step: 1, slots: { momentum: first! } })).toThrow(
      'Adam: the state is of another optimizer: it has momentum, expected first, second',
    );
    tf.dispose([variables, state.slots]);
  });

  it('gives back a state that was set and not yet used', () => {
    const [optimizer, variables] = [new Adam(), makeVariables()];
    step(optimizer, variables, 1);
    const state = optimizer.getState();
    expect(state.step).toBe(1);
    expect(Object.keys(state.slots)).toEqual(['first', 'second']);
    expect(Object.keys(state.slots.first!)).toEqual(names);
    const other = new Adam();
    other.setState(state);
    const again = other.getState();
    expect(again.step).toBe(1);
    for (const name of names) {
      for (const kind of ['first', 'second'] as const) {
        const moment = state.slots[kind]![name]!;
        expect(moment.shape.length === 1 || moment.shape.join() === shapes[name]!.join()).toBe(
          true,
        );
        expect(toArray(again.slots[kind]![name]!)).toEqual(toArray(moment));
      }
    }
    optimizer.dispose();
    other.dispose();
    tf.dispose([variables, state.slots, again.slots]);
  });

  it('does not change when the caller changes or frees a state', () => {
    const [optimizer, variables] = [new Adam(), makeVariables()];
    step(optimizer, variables, 1);
    tf.dispose(optimizer.getState().slots);
    const [other, copies] = [new Adam(), makeVariables()];
    step(other, copies, 1);
    step(optimizer, variables, 2);
    step(other, copies, 2);
    expect(valuesOf(variables)).toEqual(valuesOf(copies));
    optimizer.dispose();
    other.dispose();
    tf.dispose([variables, copies]);
  });

  it('moves a large variable beside small ones', () => {
    const large = 2 ** 18 + 3;
    const zeros = (size: number) => tf.tidy(() => tf.variable(tf.zeros([size])));
    const variables = {
      before: zeros(2),
      large: zeros(large),
      after: zeros(2),
    };
    const optimizer = new Adam();
    tf.tidy(() => {
      const gradients = {
        after: tf.tensor1d([1, -1]),
        large: tf.fill([large], -5),
        before: tf.tensor1d([-2, 2]),
      };
      optimizer.apply(variables, gradients, 0.1);
    });
    // A first step is the rate against the sign, whatever the size.
    expect([...variables.before.dataSync()].map((v) => v.toFixed(4))).toEqual([
      '0.1000',
      '-0.1000',
    ]);
    expect([...variables.after.dataSync()].map((v) => v.toFixed(4))).toEqual(['-0.1000', '0.1000']);
    const data = variables.large.dataSync();
    expect(data.every((v) => Math.abs(v - 0.1) < 1e-5)).toBe(true);
    optimizer.dispose();
    tf.dispose(Object.values(variables));
  });

  it('keeps as many tensors from step to step', () => {
    const [optimizer, variables] = [new Adam(), makeVariables()];
    step(optimizer, variables, 1);
    const { numTensors, numBytes } = tf.memory();
    for (let t = 2; t <= 4; t++) step(optimizer, variables, t);
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    optimizer.dispose();
    tf.dispose(variables);
  });

  it('names what does not belong together', () => {
    const [optimizer, variables] = [new Adam(), makeVariables()];
    tf.tidy(() => {
      const { bias: _, ...others } = mapNames((name) => toTensor(initial[name]!));
      expect(() => optimizer.apply(variables, others, 0.1)).toThrow(
        'the variable bias has no gradient',
      );
    });
    expect(valuesOf(variables)).toEqual(initial);
    step(optimizer, variables, 1);
    tf.tidy(() => {
      const { bias, scale } = variables as { bias: tf.Variable; scale: tf.Variable };
      const fewer = { bias, scale };
      const gradients = { bias: tf.zeros([4]), scale: tf.scalar(0) };
      expect(() => optimizer.apply(fewer, gradients, 0.1)).toThrow('not those of the step before');
    });
    optimizer.dispose();
    tf.dispose(variables);
  });
});
