import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classBatchAttention } from '../../../src/ops/class_batch_attention.js';
import { scaledDotProductAttention } from '../../../src/ops/scaled_dot_product_attention.js';
import { computeOn, expectSameOnWasm, randomTensor } from './both_backends.js';

interface Wasm {
  HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** The output of an op, and its gradients for a random cotangent. */
function withGradients(op: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]) {
  spoilFreeMemory();
  const output = op(...inputs);
  return [output, ...tf.grads(op)(inputs, randomTensor(output.shape, 99))];
}

/** Fills memory that is free with NaN, which shows in the result of a kernel that reads of it. */
function spoilFreeMemory(): void {
  if (tf.getBackend() !== 'wasm') return;
  const { wasm } = tf.backend() as unknown as { wasm: Wasm };
  const bytes = 2 ** 22;
  const address = wasm._malloc(bytes);
  new Float32Array(wasm.HEAPU8.buffer, address, bytes / 4).fill(Number.NaN);
  wasm._free(address);
}

interface ClassBatch {
  batch: number;
  classes: number;
  features: number;
  mask?: number[];
  scale?: number;
  /** Factor of query and key. */
  size?: number;
}

function classBatch({ batch, classes, features, mask, scale, size = 1 }: ClassBatch) {
  const map = [batch, classes, features];
  const inputs = [
    tf.mul(randomTensor(map, 1), size),
    tf.mul(randomTensor(map, 2), size),
    randomTensor([batch, classes], 3),
  ];
  const options = { scale, mask: mask && tf.tensor1d(mask.slice(0, batch)) };
  return withGradients((q, k, v) => classBatchAttention(q!, k!, v!, options), inputs);
}

interface Heads {
  batch: number;
  tokens: number;
  sources: number;
  numHeads: number;
  depth: number;
  hasBias: boolean;
  size?: number;
}

function heads({ batch, tokens, sources, numHeads, depth, hasBias, size = 1 }: Heads) {
  const width = numHeads * depth;
  const inputs = [
    tf.mul(randomTensor([batch, tokens, width], 1), size),
    tf.mul(randomTensor([batch, sources, width], 2), size),
    randomTensor([batch, sources, width], 3),
    ...(hasBias ? [randomTensor([numHeads, tokens, sources], 4)] : []),
  ];
  return withGradients(
    (q, k, v, bias) => scaledDotProductAttention(q!, k!, v!, { numHeads, bias }),
    inputs,
  );
}

describe('class batch attention on wasm', () => {
  it('agrees with cpu for any sizes and masks, and so do its gradients', async () => {
    const arbitrary = fc.record({
      batch: fc.integer({ min: 1, max: 70 }),
      classes: fc.constantFrom(1, 2, 3, 7, 8),
      features: fc.constantFrom(1, 2, 3, 4, 5, 7, 11, 16, 23, 49),
      mask: fc.option(fc.array(fc.constantFrom(0, 1), { minLength: 70, maxLength: 70 }), {
        nil: undefined,
      }),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, (sizes) => expectSameOnWasm(() => classBatch(sizes))),
      { seed: 1, numRuns: 60 },
    );
  });

  it('agrees with cpu at the batch of the recipe', async () => {
    await expectSameOnWasm(() => classBatch({ batch: 144, classes: 7, features: 49 }));
  });

  it('agrees with cpu for scores that are all near 1e4 or −1e4', async () => {
    for (const sign of [1, -1]) {
      await expectSameOnWasm(() => {
        const large = tf.fill([37, 3, 1], 100);
        const query = tf.concat([large, randomTensor([37, 3, 4], 1)], 2);
        const key = tf.concat([tf.mul(large, sign), randomTensor([37, 3, 4], 2)], 2);
        return withGradients(
          (q, k, v) => classBatchAttention(q!, k!, v!, { scale: 1 }),
          [query, key, randomTensor([37, 3], 3)],
        );
        // One unit in the last place of a score of 1e4 is 1e-3, and so is the error of its exponential.
      }, 2e-3);
    }
  });

  it('stays finite for scores of ±1e4', async () => {
    const results = await computeOn('wasm', () =>
      classBatch({ batch: 19, classes: 2, features: 9, size: 100 }),
    );
    for (const { data } of results) expect(data.every(Number.isFinite)).toBe(true);
  });

  it('passes NaN on, to whom it concerns', async () => {
    const [output] = await computeOn('wasm', () => {
      const [query, key] = [randomTensor([20, 2, 5], 1), randomTensor([20, 2, 5], 2)];
      const spoilt = tf.tensor([Number.NaN, ...Array<number>(199).fill(0)], [20, 2, 5]);
      return classBatchAttention(tf.add(query, spoilt), key, randomTensor([20, 2], 3));
    });
    expect([...output!.data].map(Number.isNaN)).toEqual([true, ...Array(39).fill(false)]);
  });

  it('takes a batch of 4096 in 32 MiB beyond its inputs and outputs', async () => {
    await tf.setBackend('wasm');
    const [batch, classes, features] = [4096, 3, 49];
    const { wasm } = tf.backend() as unknown as { wasm: Wasm };
    tf.tidy(() => {
      const map = [batch, classes, features];
      const inputs = [
        randomTensor(map, 1),
        randomTensor(map, 2),
        randomTensor([batch, classes], 3),
      ];
      for (const x of inputs) tf.backend().readSync(x.dataId);
      const before = wasm.HEAPU8.length;
      const highest = highWater(wasm, () => {
        tf.grads((q, k, v) => classBatchAttention(q!, k!, v!))(inputs);
      });
      const outputs = 4 * (2 * batch * classes * features + 3 * batch * classes);
      const limit = outputs + 32 * 2 ** 20;
      expect(highest).toBeLessThan(limit);
      expect(wasm.HEAPU8.length - before).toBeLessThan(limit);
      // The scores of one class would take 64 MiB; copies of the inputs, saved for the gradient, take 5.
      expect(highest - outputs).toBeLessThan(10 * 2 ** 20);
    });
  });
});

/** The most bytes that `run` holds at a time of what it allocates in the heap. */
function highWater(wasm: Wasm, run: () => void): number {
  const { _malloc, _free } = wasm;
  const sizes = new Map<number, number>();
  let held = 0;
  let highest = 0;
  wasm._malloc = (bytes) => {
    const address = _malloc(bytes);
    sizes.set(address, bytes);
    held += bytes;
    highest = Math.max(highest, held);
    return address;
  };
  wasm._free = (address) => {
    held -= sizes.get(address) ?? 0;
    sizes.delete(address);
    _free(address);
  };
  try {
    run();
  } finally {
    Object.assign(wasm, { _malloc, _free });
  }
  return highest;
}

describe('scaled dot-product attention on wasm', () => {
  it('agrees with cpu for any sizes, and so do its gradients', async () => {
    const arbitrary = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      tokens: fc.integer({ min: 1, max: 50 }),
      sources: fc.integer({ min: 1, max: 50 }),
      numHeads: fc.constantFrom(1, 2, 3, 8),
      depth: fc.constantFrom(1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 32),
      hasBias: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, (sizes) => expectSameOnWasm(() => heads(sizes))),
      { seed: 2, numRuns: 80 },
    );
  });

  it('agrees with cpu at the sizes of the network', async () => {
    const sizes = [
      { batch: 1, tokens: 196, sources: 196, numHeads: 2, depth: 32, hasBias: true },
      { batch: 1, tokens: 148, sources: 148, numHeads: 2, depth: 96, hasBias: false },
    ];
    for (const size of sizes) await expectSameOnWasm(() => heads(size));
  });

  it('stays finite for scores of ±1e4', async () => {
    const results = await computeOn('wasm', () =>
      heads({
        batch: 2,
        tokens: 19,
        sources: 21,
        numHeads: 2,
        depth: 6,
        hasBias: true,
        size: 150,
      }),
    );
    for (const { data } of results) expect(data.every(Number.isFinite)).toBe(true);
  });

  it('gives the weights of the exponentials to 3e-7', async () => {
    // One feature, one head, values 1 and 0: the output is the sigmoid of the difference of scores.
    const differences = Array.from({ length: 2000 }, (_, i) => Math.fround((i - 1000) / 12));
    const [output] = await computeOn('wasm', () =>
      scaledDotProductAttention(
        tf.tensor(differences, [1, 2000, 1]),
        tf.tensor([1, 0], [1, 2, 1]),
        tf.tensor([1, 0], [1, 2, 1]),
        { numHeads: 1, scale: 1 },
      ),
    );
    differences.forEach((x, i) => {
      const expected = 1 / (1 + Math.exp(-x));
      // A score of 80 is itself known to 4e-6 only, and so is its exponential.
      const tolerance = 3e-7 + Math.abs(x) * 1.2e-7;
      const actual = output!.data[i] as number;
      if (expected > 2e-38) expect(Math.abs(actual / expected - 1)).toBeLessThan(tolerance);
    });
  });

  it('ignores keys whose bias is −∞', async () => {
    await expectSameOnWasm(() => {
      const inputs = [1, 2, 3].map((seed) => randomTensor([2, 18, 8], seed));
      const shut = tf.where(
        tf.greater(randomTensor([2, 18, 18], 4), 1),
        tf.fill([2, 18, 18], Number.NEGATIVE_INFINITY),
        tf.zeros([2, 18, 18]),
      );
      return withGradients(
        (q, k, v) => scaledDotProductAttention(q!, k!, v!, { numHeads: 2, bias: shut }),
        inputs,
      );
    });
  });
});
