/** What all optimizers have in common: state, memory, the rules of the interface. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  Adam,
  AdamW,
  clipByGlobalNorm,
  clipped,
  fromTfjs,
  type Gradients,
  type Optimizer,
  Sam,
  Sgd,
  type Variables,
} from '../../src/training/index.js';
import { toArray } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';

const shapes: Record<string, number[]> = { 'a/kernel': [3, 4], 'a/bias': [4], scale: [] };

const ours: Record<string, () => Optimizer> = {
  'Adam with decay': () => new Adam({ weightDecay: 0.1 }),
  AdamW: () => new AdamW(),
  Sgd: () => new Sgd(),
  'Sgd with momentum': () => new Sgd({ momentum: 0.9, weightDecay: 0.1 }),
  'Sgd of Nesterov': () => new Sgd({ momentum: 0.9, nesterov: true }),
  clipped: () => clipped(new Adam(), 0.5),
  'Sam, clipped, momentum': () => new Sam(clipped(new Sgd({ momentum: 0.9 }), 0.5)),
  'adaptive Sam, AdamW': () => new Sam(new AdamW(), { rho: 0.5, adaptive: true }),
};

/** Learning rates that are not those of the steps. */
const stock: Record<string, () => tf.Optimizer> = {
  sgd: () => tf.train.sgd(7),
  momentum: () => tf.train.momentum(7, 0.9),
  nesterov: () => tf.train.momentum(7, 0.9, true),
  adagrad: () => tf.train.adagrad(7),
  adadelta: () => tf.train.adadelta(7),
  rmsprop: () => tf.train.rmsprop(7, 0.9, 0.5),
  'centered rmsprop': () => tf.train.rmsprop(7, 0.9, 0.5, 1e-9, true),
  adam: () => tf.train.adam(7),
};

const adapted = Object.fromEntries(
  Object.entries(stock).map(([name, make]) => [`tfjs's ${name}`, () => fromTfjs(make())]),
);
const all: Record<string, () => Optimizer> = {
  ...ours,
  ...adapted,
  "Sam around tfjs's adam": () => new Sam(fromTfjs(tf.train.adam(7))),
};

function makeVariables(from?: Variables): Variables {
  return mapShapes((name, shape, i) =>
    tf.tidy(() =>
      tf.variable(from ? tf.clone(from[name]!) : tf.randomNormal(shape, 1, 1, 'float32', i + 1)),
    ),
  );
}

/** Of the loss Σ w⁴/4 + t·w, another one in each step. */
function gradientsAt(variables: Variables, t: number): Gradients {
  return mapShapes((name) => tf.tidy(() => tf.add(tf.pow(variables[name]!, 3), 0.1 * t)));
}

function mapShapes<T>(make: (name: string, shape: number[], i: number) => T): Record<string, T> {
  const entries = Object.entries(shapes).map(([name, shape], i) => [name, make(name, shape, i)]);
  return Object.fromEntries(entries) as Record<string, T>;
}

async function step(optimizer: Optimizer, variables: Variables, t: number, learningRate = 0.01) {
  const first = gradientsAt(variables, t);
  const again: Gradients[] = [];
  const anew = async () => {
    again.push(gradientsAt(variables, t));
    return again.at(-1)!;
  };
  try {
    await optimizer.apply(variables, first, learningRate, anew);
  } finally {
    tf.dispose([first, again]);
  }
}

const valuesOf = (variables: Variables) => mapShapes((name) => toArray(variables[name]!));

function largestDifference(a: Variables, b: Variables): number {
  return Math.max(
    ...Object.keys(shapes).map((name) =>
      tf.tidy(() => tf.max(tf.abs(tf.sub(a[name]!, b[name]!))).dataSync()[0]!),
    ),
  );
}

describeBackends('an optimizer', () => {
  describe.each(Object.entries(all))('%s', (name, make) => {
    it('goes on from a saved state as if nothing had happened, and leaks nothing', async () => {
      const tensors = tf.memory().numTensors;
      const [optimizer, variables] = [make(), makeVariables()];
      const start = makeVariables(variables);
      for (let t = 1; t <= 3; t++) await step(optimizer, variables, t);
      expect(largestDifference(variables, start)).toBeGreaterThan(1e-5);

      const state = await optimizer.getState();
      expect(state.step).toBe(3);
      for (const ofSlot of Object.values(state.slots)) {
        expect(Object.keys(ofSlot)).toEqual(Object.keys(shapes));
      }
      // As a checkpoint holds it: slots in another order.
      const entries = Object.entries(state.slots).reverse();
      const [resumed, copies] = [make(), makeVariables(variables)];
      resumed.setState({ step: 3, slots: Object.fromEntries(entries) });
      tf.dispose(state.slots);
      const held = await resumed.getState();
      expect(held.step).toBe(3);
      tf.dispose(held.slots);
      for (let t = 4; t <= 6; t++) {
        await step(optimizer, variables, t);
        await step(resumed, copies, t);
      }
      // tfjs's Adam computes the powers of its betas anew, rounded in another way.
      if (name.includes("tfjs's adam")) {
        expect(largestDifference(variables, copies)).toBeLessThan(1e-6);
      } else expect(valuesOf(copies)).toEqual(valuesOf(variables));

      optimizer.dispose();
      resumed.dispose();
      tf.dispose([variables, copies, start]);
      expect(tf.memory().numTensors).toBe(tensors);
    });

    it('keeps as many tensors from step to step, with rates that change', async () => {
      const [optimizer, variables] = [make(), makeVariables()];
      await step(optimizer, variables, 1);
      const { numTensors, numBytes } = tf.memory();
      for (let t = 2; t <= 4; t++) await step(optimizer, variables, t, 0.01 / t);
      expect(tf.memory()).toMatchObject({ numTensors, numBytes });
      // A state in the place of another one leaves nothing of it.
      const state = await optimizer.getState();
      optimizer.setState(state);
      tf.dispose(state.slots);
      await step(optimizer, variables, 5);
      expect(tf.memory()).toMatchObject({ numTensors, numBytes });
      optimizer.dispose();
      tf.dispose(variables);
    });

    it('does not move at a rate of 0', async () => {
      // tfjs's momentum, RMSProp and ours alike: the rate is that of the step.
      const [optimizer, variables] = [make(), makeVariables()];
      const before = valuesOf(variables);
      await step(optimizer, variables, 1, 0);
      const after = valuesOf(variables);
      for (const key of Object.keys(shapes)) expect(after[key]!.data).toEqual(before[key]!.data);
      optimizer.dispose();
      tf.dispose(variables);
    });

    it('names a variable without gradient', async () => {
      const [optimizer, variables] = [make(), makeVariables()];
      const { scale, ...others } = gradientsAt(variables, 1);
      // Sam takes the second gradient.
      const missing = async () =>
        optimizer.apply(
          variables,
          name.includes('Sam') ? { ...others, scale: scale! } : others,
          0.1,
          async () => others,
        );
      await expect(missing()).rejects.toThrow('the variable scale has no gradient');
      optimizer.dispose();
      tf.dispose([variables, others, scale!]);
    });
  });
});

describeBackends('fromTfjs', () => {
  it.each(Object.entries(stock))(
    'steps as %s itself does, at the rate of each step',
    async (_, make) => {
      const [optimizer, variables] = [fromTfjs(make()), makeVariables()];
      const [alone, copies] = [make(), makeVariables(variables)];
      for (let t = 1; t <= 3; t++) {
        await step(optimizer, variables, t, 0.01);
        const gradients = gradientsAt(copies, t);
        // The public way to set a rate is a new optimizer: this is what tfjs-layers does too.
        if ('setLearningRate' in alone) (alone.setLearningRate as (rate: number) => void)(0.01);
        else (alone as unknown as { learningRate: number }).learningRate = 0.01;
        alone.applyGradients(
          Object.entries(gradients).map(([name, tensor]) => ({ name: copies[name]!.name, tensor })),
        );
        tf.dispose(gradients);
      }
      expect(valuesOf(variables)).toEqual(valuesOf(copies));
      optimizer.dispose();
      alone.dispose();
      (alone as unknown as { c?: tf.Tensor }).c?.dispose(); // Momentum forgets it.
      tf.dispose([variables, copies]);
    },
  );

  it('steps with Adamax, whose state tfjs keeps to itself', async () => {
    const [optimizer, variables] = [fromTfjs(tf.train.adamax(7)), makeVariables()];
    const before = makeVariables(variables);
    await step(optimizer, variables, 1);
    expect(largestDifference(variables, before)).toBeGreaterThan(1e-3);
    await expect(optimizer.getState()).rejects.toThrow(
      "tfjs's Adamax cannot be saved: it does not give its state away",
    );
    expect(() => optimizer.setState({ step: 0, slots: {} })).toThrow('cannot be saved');
    optimizer.dispose();
    tf.dispose([variables, before]);
  });

  it('refuses other variables than those of the step before', async () => {
    const [optimizer, variables] = [fromTfjs(tf.train.adam(7)), makeVariables()];
    await step(optimizer, variables, 1);
    const { scale: _, ...others } = variables;
    const again = () => Promise.reject(new Error('not needed'));
    await expect(optimizer.apply(others, others, 0.01, again)).rejects.toThrow(
      "tfjs's Adam: the variables are not those of the step before",
    );
    optimizer.dispose();
    tf.dispose(variables);
  });

  it('refuses the state of another optimizer and of other variables', async () => {
    const [optimizer, variables] = [fromTfjs(tf.train.adam(7)), makeVariables()];
    const zeros = mapShapes((_, shape) => tf.zeros(shape));
    const { scale: __, ...fewer } = zeros;
    expect(() => optimizer.setState({ step: 1, slots: { momentum: zeros } })).toThrow(
      "tfjs's Adam: the state is of another optimizer: it has momentum, expected m, v",
    );
    optimizer.setState({ step: 1, slots: { m: zeros, v: fewer } });
    await expect(step(optimizer, variables, 1)).rejects.toThrow('the state has nothing for scale');
    optimizer.dispose();
    tf.dispose([variables, zeros]);
  });

  it('within Sam is our own within Sam', async () => {
    const [stocked, own] = [new Sam(fromTfjs(tf.train.sgd(7))), new Sam(new Sgd())];
    const variables = makeVariables();
    const copies = makeVariables(variables);
    for (let t = 1; t <= 3; t++) {
      await step(stocked, variables, t);
      await step(own, copies, t);
    }
    expect(largestDifference(variables, copies)).toBeLessThan(1e-6);
    stocked.dispose();
    own.dispose();
    tf.dispose([variables, copies]);
  });
});

describeBackends('clipping', () => {
  it('is the same around Sam as within', async () => {
    const around = clipped(new Sam(new Sgd({ momentum: 0.9 })), 0.5);
    const within = new Sam(clipped(new Sgd({ momentum: 0.9 }), 0.5));
    const variables = makeVariables();
    const copies = makeVariables(variables);
    for (let t = 1; t <= 3; t++) {
      await step(around, variables, t);
      await step(within, copies, t);
    }
    expect(largestDifference(variables, copies)).toBeLessThan(1e-6);
    around.dispose();
    within.dispose();
    tf.dispose([variables, copies]);
  });

  it('shortens what is longer, over all together, and nothing else', async () => {
    const gradients = { a: tf.tensor1d([3, 0]), b: tf.tensor1d([0, 4]) };
    const shorter = await clipByGlobalNorm(gradients, 1);
    expect(shorter.a!.dataSync()[0]).toBeCloseTo(0.6, 5);
    expect(shorter.b!.dataSync()[1]).toBeCloseTo(0.8, 5);
    const same = await clipByGlobalNorm(gradients, 5.1);
    expect([...same.b!.dataSync()]).toEqual([0, 4]);
    tf.dispose([gradients, shorter, same]);
  });

  it.each([0, -1, Number.NaN])('refuses a norm of %d', (norm) => {
    expect(() => clipped(new Adam(), norm)).toThrow(
      `clipped: maxNorm must be a positive number, not ${norm}`,
    );
  });
});

describeBackends('Sam', () => {
  it('holds one copy of the weights at most, and puts them back when the loss fails', async () => {
    const size = 100_000;
    const variables = { w: tf.tidy(() => tf.variable(tf.fill([size], 2))) };
    const gradients = { w: tf.fill([size], 3) };
    const optimizer = new Sam(new Sgd());
    const before = tf.memory().numBytes;
    let [during, nearby] = [0, 0];
    const again = async () => {
      during = tf.memory().numBytes;
      nearby = variables.w.dataSync()[size - 1]!;
      throw new Error('no gradient');
    };
    await expect(optimizer.apply(variables, gradients, 1, again)).rejects.toThrow('no gradient');
    expect(during - before).toBe(4 * size);
    // ρ · g/‖g‖ of equal elements is ρ/√n.
    expect(nearby).toBeCloseTo(2 + 0.05 / Math.sqrt(size), 6);
    expect(tf.memory().numBytes).toBe(before);
    expect(new Set(variables.w.dataSync())).toEqual(new Set([2]));
    optimizer.dispose();
    tf.dispose([variables, gradients]);
  });
});

it('Sgd refuses to look ahead without momentum', () => {
  expect(() => new Sgd({ nesterov: true })).toThrow('nesterov needs a momentum above 0, not 0');
});

it.each([0, -0.1, Number.NaN, Number.POSITIVE_INFINITY])('Sam refuses a rho of %f', (rho) => {
  expect(() => new Sam(new Sgd(), { rho })).toThrow(
    `Sam: rho must be a positive number, not ${rho}`,
  );
});
