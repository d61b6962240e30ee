/** The kernels for tfjs-node against the cpu backend and the composites. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchNorm } from '../../../src/ops/batch_norm.js';
import { prelu } from '../../../src/ops/prelu.js';
import { isInstalled, useBackend } from '../../support/backends.js';
import { expectClose } from '../../support/gradient_check.js';
import { ndArray } from '../../support/reference/index.js';
import { computeOn, randomTensor } from '../wasm/both_backends.js';

type Compute = () => tf.Tensor | tf.Tensor[];

type Values = Awaited<ReturnType<typeof computeOn>>;

function expectSame(actual: Values, expected: Values, tolerance: number): void {
  const [ours, theirs] = [actual, expected].map((list) =>
    list.map(({ shape, data }) => ndArray(shape, data)),
  );
  expectClose(ours!, theirs!, tolerance);
}

async function expectSameAsCpu(compute: Compute, tolerance = 1e-5): Promise<void> {
  const expected = await computeOn('cpu', compute);
  const actual = await computeOn('tensorflow', compute);
  expectSame(actual, expected, tolerance);
}

/** The output of an op and the gradients of its inputs, for a cotangent that tells places apart. */
function withGradients(op: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]) {
  const y = op(...inputs);
  const cotangent = randomTensor(y.shape, 9);
  const loss = (...xs: tf.Tensor[]) => tf.sum(tf.mul(op(...xs), cotangent)) as tf.Scalar;
  return [y, ...tf.grads(loss)(inputs)];
}

const window = fc.record({
  height: fc.integer({ min: 3, max: 9 }),
  width: fc.integer({ min: 3, max: 9 }),
  kernel: fc.constantFrom(1, 2, 3),
  stride: fc.constantFrom(1, 2, 3),
  pad: fc.oneof(
    fc.constantFrom('same' as const, 'valid' as const, 0, 1, 2),
    fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }).map(
      ([top, bottom, left, right]) =>
        [
          [0, 0],
          [top!, bottom!],
          [left!, right!],
          [0, 0],
        ] as [[number, number], [number, number], [number, number], [number, number]],
    ),
  ),
});

describe.skipIf(!isInstalled('@tensorflow/tfjs-node'))(
  'the kernels on tensorflow (needs @tensorflow/tfjs-node)',
  () => {
    useBackend('tensorflow');

    it('convolve and differentiate with any padding', async () => {
      await fc.assert(
        fc.asyncProperty(window, async ({ height, width, kernel, stride, pad }) => {
          await expectSameAsCpu(() => {
            const x = randomTensor([2, height, width, 3], 1);
            const filter = randomTensor([kernel, kernel, 3, 4], 2);
            return withGradients(
              (a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad),
              [x, filter],
            );
          });
        }),
        { seed: 1, numRuns: 60 },
      );
    });

    it('differentiate by a filter of one pixel that skips others', async () => {
      for (const batch of [1, 3, 5]) {
        await expectSameAsCpu(() => {
          const x = randomTensor([batch, 28, 28, 8], 1);
          const filter = randomTensor([1, 1, 8, 16], 2);
          return withGradients(
            (a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 'valid'),
            [x, filter],
          );
        });
      }
    });

    it('convolve depthwise and differentiate with any padding', async () => {
      await fc.assert(
        fc.asyncProperty(window, async ({ height, width, kernel, stride, pad }) => {
          await expectSameAsCpu(() => {
            const x = randomTensor([2, height, width, 3], 1);
            const filter = randomTensor([kernel, kernel, 3, 1], 2);
            return withGradients(
              (a, b) => tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad),
              [x, filter],
            );
          });
        }),
        { seed: 2, numRuns: 60 },
      );
    });

    it.each([1, 2])('fuse bias and rectifier into convolutions, stride %i', async (strides) => {
      await expectSameAsCpu(() => {
        const x = randomTensor([2, 6, 5, 3], 1) as tf.Tensor4D;
        const bias = randomTensor([3], 3);
        const rest = { x, strides, pad: 1, bias, activation: 'prelu' } as const;
        const preluActivationWeights = randomTensor([3], 4);
        const filter = (channels: number) => randomTensor([3, 3, 3, channels], 2) as tf.Tensor4D;
        return [
          tf.fused.conv2d({ ...rest, preluActivationWeights, filter: filter(3) }),
          tf.fused.depthwiseConv2d({ ...rest, preluActivationWeights, filter: filter(1) }),
        ];
      });
    });

    it.each([
      ['output', [true, false, false]],
      ['statistics', [false, true, true]],
      ['mean', [true, true, false]],
    ] as const)('normalise batches and differentiate by their %s', async (_name, used) => {
      for (const shape of [
        [2, 3, 4, 5],
        [7, 3],
        [2, 1],
        [1, 4],
      ]) {
        await expectSameAsCpu(() => {
          const channels = [shape.at(-1)!];
          const inputs = [shape, channels, channels].map((size, i) => randomTensor(size, i + 1));
          return withGradients((x, gamma, beta) => {
            const { output, mean, variance } = batchNorm(x!, gamma!, beta!, 1e-3);
            const parts = [output, mean, variance].filter((_, i) => used[i]);
            // Each input counts, even for statistics that do not depend on it.
            const inputs = tf.mul(tf.add(gamma!, beta!), 0);
            return parts.reduce((sum, part) => tf.add(sum, part), inputs);
          }, inputs);
        }, 1e-4);
      }
    });

    it('rectify, at 0 by the negative side, and let NaN and infinity through', async () => {
      const values = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-30, -2, 3];
      const outputs = await computeOn('tensorflow', () => {
        const x = tf.tensor2d(values, [values.length, 1]);
        const alpha = tf.tensor1d([0.25]);
        const [dx, dAlpha] = tf.grads((a, b) => tf.sum(prelu(a!, b!)) as tf.Scalar)([x, alpha]);
        return [prelu(x, alpha), dx!, dAlpha!];
      });
      const [y, dx, dAlpha] = outputs.map(({ data }) => [...data]);
      expect(y).toEqual([Number.NaN, Infinity, -Infinity, 0, 0, Math.fround(1e-30), -0.5, 3]);
      expect(dx!.slice(1)).toEqual([1, 0.25, 0.25, 0.25, 1, 0.25, 1]);
      expect(dAlpha).toEqual([Number.NaN]);
    });

    it('know the softmax of one value to the last bit', async () => {
      const [softmax] = await computeOn('tensorflow', () => tf.softmax(randomTensor([4, 8, 1], 1)));
      expect([...softmax!.data]).toEqual(Array(32).fill(1));
    });

    it('leave a GPU what they were not measured on', async () => {
      const compute = () =>
        withGradients(
          (x, alpha) => prelu(x!, alpha!),
          [randomTensor([6, 3], 1), randomTensor([3], 2)],
        );
      const backend = tf.backend() as unknown as { isUsingGpuDevice: boolean };
      const own = await computeOn('tensorflow', compute);
      backend.isUsingGpuDevice = true;
      const stock = await computeOn('tensorflow', compute).finally(() => {
        backend.isUsingGpuDevice = false;
      });
      expectSame(own, stock, 1e-6);
    });
  },
);
