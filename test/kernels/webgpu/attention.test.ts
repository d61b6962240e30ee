import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classBatchAttention } from '../../../src/ops/class_batch_attention.js';
import { scaledDotProductAttention } from '../../../src/ops/scaled_dot_product_attention.js';
import { asList, randomArray, run, tidied, toArray, toTensor } from '../../support/arrays.js';
import { breathe, describeBackends } from '../../support/backends.js';
import { countGpuWork } from '../../support/gpu_work.js';
import { expectClose, expectGradients, type Op } from '../../support/gradient_check.js';
import * as reference from '../../support/reference/index.js';
import { type NdArray, ndArray } from '../../support/reference/index.js';

interface Case {
  op: Op;
  inputs: NdArray[];
}

interface ClassBatch {
  batch: number;
  classes: number;
  features: number;
  mask?: number[] | undefined;
  scale?: number;
}

function classBatch({ batch, classes, features, mask, scale }: ClassBatch): Case {
  const map = [batch, classes, features];
  return {
    op: (q, k, v) =>
      classBatchAttention(q!, k!, v!, {
        scale,
        mask: mask && tf.tensor1d(mask.slice(0, batch), 'float32'),
      }),
    inputs: [randomArray(map, 1), randomArray(map, 2), randomArray([batch, classes], 3)],
  };
}

interface Heads {
  batch: number;
  tokens: number;
  sources: number;
  numHeads: number;
  depth: number;
  hasBias: boolean;
}

function heads({ batch, tokens, sources, numHeads, depth, hasBias }: Heads): Case {
  const width = numHeads * depth;
  return {
    op: (q, k, v, bias) => scaledDotProductAttention(q!, k!, v!, { numHeads, bias }),
    inputs: [
      randomArray([batch, tokens, width], 1),
      randomArray([batch, sources, width], 2),
      randomArray([batch, sources, width], 3),
      ...(hasBias ? [randomArray([numHeads, tokens, sources], 4)] : []),
    ],
  };
}

/** The output of an op, and its gradients for a random cotangent. */
function withGradients({ op, inputs }: Case): NdArray[] {
  return tidied(() => {
    const tensors = inputs.map(toTensor);
    const output = op(...tensors) as tf.Tensor;
    const dy = toTensor(randomArray(output.shape, 99));
    const gradients = tf.grads((...xs) => op(...xs) as tf.Tensor)(tensors, dy);
    return [output, ...gradients].map(toArray);
  });
}

/** What we use of `WebGPUBackend`. */
interface Gpu {
  device: { limits?: unknown };
}

/** On SwiftShader a shader takes more than a second to compile, and there are some eighty of them. */
const timeout = 600_000;

describeBackends('kernels of attention', (backend) => {
  describe.runIf(backend === 'webgpu')('and of its gradients', { timeout }, () => {
    /** Asserts that the composite on cpu gives the same. */
    async function expectSameAsOnCpu(given: Case, tolerance = 2e-5): Promise<void> {
      await breathe();
      const found = withGradients(given);
      await tf.setBackend('cpu');
      const expected = withGradients(given);
      await tf.setBackend(backend);
      expectClose(found, expected, tolerance);
    }

    const classBatches = fc.record({
      batch: fc.integer({ min: 1, max: 70 }),
      classes: fc.constantFrom(1, 2, 3, 7, 8),
      features: fc.constantFrom(1, 5, 8),
      mask: fc.option(fc.array(fc.constantFrom(0, 1), { minLength: 70, maxLength: 70 }), {
        nil: undefined,
      }),
    });

    it('of classes agree with cpu for any sizes and masks', async () => {
      await fc.assert(
        fc.asyncProperty(classBatches, (sizes) => expectSameAsOnCpu(classBatch(sizes))),
        { seed: 1, numRuns: 20 },
      );
    });

    const manyHeads = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      tokens: fc.integer({ min: 1, max: 70 }),
      sources: fc.integer({ min: 1, max: 70 }),
      numHeads: fc.constantFrom(1, 2, 3, 8),
      depth: fc.constantFrom(1, 5, 8),
      hasBias: fc.boolean(),
    });

    it('of heads agree with cpu for any sizes', async () => {
      await fc.assert(
        fc.asyncProperty(manyHeads, (sizes) => expectSameAsOnCpu(heads(sizes))),
        { seed: 2, numRuns: 20 },
      );
    });

    it.each([130, 768])('agree with cpu where a head has %i features', async (depth) => {
      const sizes = { batch: 2, tokens: 35, sources: 33, numHeads: 2, depth, hasBias: false };
      await expectSameAsOnCpu(heads(sizes));
    });

    it('agree with cpu at the batch of the recipe', async () => {
      await expectSameAsOnCpu(classBatch({ batch: 144, classes: 7, features: 49 }));
    });

    it('agree with cpu at the sizes of the network', async () => {
      await expectSameAsOnCpu(
        heads({ batch: 1, tokens: 196, sources: 196, numHeads: 2, depth: 32, hasBias: true }),
      );
      await expectSameAsOnCpu(
        heads({ batch: 1, tokens: 148, sources: 148, numHeads: 2, depth: 96, hasBias: false }),
      );
    });

    it.each([
      {
        batch: 33,
        classes: 2,
        features: 5,
        mask: Array.from({ length: 33 }, (_, i) => +(i % 3 > 0)),
      },
      { batch: 2, classes: 35, features: 1, scale: -0.4 },
    ])('are those of the definition in float64: class batch %#', (sizes) => {
      const { mask, scale } = sizes as ClassBatch;
      const options = { scale, ...(mask && { mask: ndArray([mask.length], mask) }) };
      expectGradients({
        ...classBatch(sizes),
        reference: (q, k, v) => reference.classBatchAttention(q!, k!, v!, options),
      });
    });

    it.each([
      { batch: 2, tokens: 34, sources: 5, numHeads: 2, depth: 5, hasBias: true },
      { batch: 1, tokens: 3, sources: 37, numHeads: 1, depth: 8, hasBias: false },
    ])('are those of the definition in float64: heads %#', (sizes) => {
      expectGradients({
        ...heads(sizes),
        reference: (q, k, v, bias) =>
          reference.scaledDotProductAttention(q!, k!, v!, { numHeads: sizes.numHeads, bias }),
      });
    });

    it.each([1, -1])('agree with cpu for scores that are all near %i · 1e4', async (sign) => {
      const large = (x: NdArray, value: number) =>
        reference.map(x, (v, i) => (i % 5 === 0 ? value : v));
      const { op, inputs } = classBatch({ batch: 37, classes: 3, features: 5, scale: 1 });
      const [query, key, value] = inputs as [NdArray, NdArray, NdArray];
      // One unit in the last place of a score of 1e4 is 1e-3, and so is the error of its exponential.
      await expectSameAsOnCpu(
        { op, inputs: [large(query, 100), large(key, 100 * sign), value] },
        2e-3,
      );
    });

    it('agree with cpu for integers, which a cast leaves as they are', async () => {
      const whole = ({ op, inputs }: Case): Case => ({
        op: (...xs) => op(...xs.map((x) => tf.cast(tf.cast(x, 'int32'), 'float32'))),
        inputs: inputs.map((x) => reference.map(x, (v) => Math.round(2 * v))),
      });
      for (const depth of [5, 8]) {
        const sizes = { batch: 2, tokens: 9, sources: 7, numHeads: 2, depth, hasBias: true };
        const { op, inputs } = whole(heads(sizes));
        const [found] = run(op, ...inputs);
        await tf.setBackend('cpu');
        const expected = run(op, ...inputs);
        await tf.setBackend(backend);
        expectClose([found!], expected, 2e-5);
      }
    });

    it('are NaN only for whom NaN concerns', () => {
      const { op, inputs } = classBatch({ batch: 40, classes: 2, features: 5 });
      const [query, key, value] = inputs as [NdArray, NdArray, NdArray];
      const spoilt = reference.map(query, (v, i) => (i === 0 ? Number.NaN : v));
      const [output] = run(op, spoilt, key, value);
      expect([...output!.data].map(Number.isNaN)).toEqual([true, ...Array(79).fill(false)]);
    });

    it('ignore keys whose bias is −∞', async () => {
      const { op, inputs } = heads({
        batch: 2,
        tokens: 40,
        sources: 70,
        numHeads: 2,
        depth: 8,
        hasBias: true,
      });
      const [query, key, value, bias] = inputs as [NdArray, NdArray, NdArray, NdArray];
      // The first keys too, so that some rows begin with a tile that is all shut.
      const shut = reference.map(bias, (v, i) =>
        v > 1 || i % 70 < 33 ? Number.NEGATIVE_INFINITY : 0,
      );
      await expectSameAsOnCpu({
        op: (q, k, v) => asList(op(q!, k!, v!, toTensor(shut)))[0]!,
        inputs: [query, key, value],
      });
    });

    it('of nothing are nothing, and of no keys 0', () => {
      for (const sizes of [
        { batch: 0, tokens: 3, sources: 4, numHeads: 2, depth: 2, hasBias: true },
        { batch: 2, tokens: 0, sources: 4, numHeads: 2, depth: 2, hasBias: true },
        { batch: 2, tokens: 3, sources: 0, numHeads: 2, depth: 2, hasBias: true },
      ]) {
        const { op, inputs } = heads(sizes);
        const [output] = run(op, ...inputs);
        expect(output!.shape).toEqual([sizes.batch, sizes.tokens, 4]);
        expect(output!.data.every((v) => v === 0)).toBe(true);
      }
    });

    it('agree with cpu where there are more heads than workgroups on an axis', async () => {
      const { device } = tf.backend() as unknown as Gpu;
      const { limits } = device;
      const pretend = (value: unknown) =>
        Object.defineProperty(device, 'limits', { value, configurable: true });
      // Of 15 workgroups, three rows of five, one has nothing to do.
      const sizes = { batch: 2, tokens: 33, sources: 5, numHeads: 7, depth: 8, hasBias: false };
      pretend({ maxComputeWorkgroupsPerDimension: 5 });
      try {
        await expectSameAsOnCpu(heads(sizes));
      } finally {
        pretend(limits);
      }
    });

    it.each([
      ['class batch attention', classBatch({ batch: 40, classes: 7, features: 49 }), 1, 5],
      [
        'attention with a bias',
        heads({ batch: 2, tokens: 49, sources: 49, numHeads: 2, depth: 8, hasBias: true }),
        1,
        6,
      ],
    ])('takes so many dispatches: %s', (_, { op, inputs }, forward, both) => {
      tf.tidy(() => {
        const tensors = inputs.map(toTensor);
        const dy = tf.onesLike(op(...tensors) as tf.Tensor);
        const count = (f: () => void) => countGpuWork(f).dispatches;
        expect(count(() => op(...tensors))).toBe(forward);
        expect(count(() => tf.grads((...xs) => op(...xs) as tf.Tensor)(tensors, dy))).toBe(both);
      });
    });

    it('takes a batch of 4096 in the memory of its outputs and 32 bytes for each sample and class', () => {
      const [batch, classes, features] = [4096, 2, 49];
      const { op, inputs } = classBatch({ batch, classes, features });
      tf.tidy(() => {
        const tensors = inputs.map(toTensor);
        const dy = tensors[2]!;
        // Puts them on the GPU.
        op(...tensors.map((x) => tf.slice(x, 0, 1)));
        const { held } = countGpuWork(() => {
          tf.grads((...xs) => op(...xs) as tf.Tensor)(tensors, dy);
        });
        const outputs = 4 * (2 * batch * classes * features + 2 * batch * classes);
        // The scores of one class would take 64 MiB.
        expect(held - outputs).toBeLessThan(32 * batch * classes);
      });
    });
  });
});
