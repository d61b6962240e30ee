import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSameOnWasm, randomTensor } from './both_backends.js';

const shape = fc
  .array(fc.constantFrom(1, 2, 3, 5, 8, 30), { minLength: 1, maxLength: 5 })
  .filter((dimensions) => tf.util.sizeFromShape(dimensions) <= 20000);

describe('wasm kernels', () => {
  it('cast to bool gives 0 or 1', async () => {
    await expectSameOnWasm(() => [
      tf.cast(tf.tensor1d([0, -0, 0.25, -3.5, 256, Number.NaN]), 'bool'),
      tf.cast(
        tf.tensor2d(
          [
            [0, 256],
            [-1, 2],
          ],
          [2, 2],
          'int32',
        ),
        'bool',
      ),
      tf.cast(tf.tensor1d([2.7, -2.7]), 'int32'),
    ]);
  });

  it('nearest resizing has the gradient of cpu for one image', async () => {
    // For more images the cpu kernel reads dy at the input's batch stride and is wrong.
    await expectSameOnWasm(() => {
      const resize = (x: tf.Tensor) =>
        tf.square(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [14, 9]));
      return tf.grad(resize)(randomTensor([1, 7, 5, 3], 1));
    });
  });

  it('maxPool sends its gradient where cpu sends it', async () => {
    const arbitrary = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      size: fc.integer({ min: 5, max: 11 }),
      channels: fc.constantFrom(1, 3, 8),
      window: fc.constantFrom(1, 2, 3, 5),
      stride: fc.constantFrom(1, 2, 3),
      pad: fc.constantFrom<'valid' | 'same'>('valid', 'same'),
      shift: fc.constantFrom(-10, 0),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ batch, size, channels, window, stride, pad, shift }) => {
        await expectSameOnWasm(() => {
          const x = tf.add(randomTensor([batch, size, size + 1, channels], 1), shift);
          const pool = (input: tf.Tensor) =>
            tf.square(tf.maxPool(input as tf.Tensor4D, window, stride, pad));
          return tf.grad(pool)(x);
        }, 1e-6);
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  it('sends the gradient of equal inputs to the first', async () => {
    await tf.setBackend('wasm');
    tf.tidy(() => {
      const x = tf.tensor4d([-1, -1, -2, -1], [1, 2, 2, 1]);
      const gradient = tf.grad((input: tf.Tensor) =>
        tf.maxPool(input as tf.Tensor4D, 2, 2, 'valid'),
      );
      expect(Array.from(gradient(x).dataSync())).toEqual([1, 0, 0, 0]);
    });
  });

  it('slice and tile agree with cpu', async () => {
    const arbitrary = shape.chain((dimensions) =>
      fc.record({
        dimensions: fc.constant(dimensions),
        ranges: fc.tuple(
          ...dimensions.map((length) =>
            fc
              .nat(length - 1)
              .chain((begin) =>
                fc.integer({ min: 1, max: length - begin }).map((size) => [begin, size] as const),
              ),
          ),
        ),
        reps: fc.tuple(...dimensions.map(() => fc.constantFrom(1, 1, 2, 3))),
        dtype: fc.constantFrom<'float32' | 'int32' | 'bool'>('float32', 'int32', 'bool'),
      }),
    );
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ dimensions, ranges, reps, dtype }) => {
        await expectSameOnWasm(() => {
          const x = tf.cast(tf.mul(randomTensor(dimensions, 1), 10), dtype);
          const begin = ranges.map((range) => (range as readonly [number, number])[0]);
          const size = ranges.map((range) => (range as readonly [number, number])[1]);
          return [tf.slice(x, begin, size), tf.tile(x, reps as number[])];
        }, 1e-9);
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('sum and mean agree with cpu over all choices of axes', async () => {
    const arbitrary = shape.chain((dimensions) =>
      fc.record({
        dimensions: fc.constant(dimensions),
        axes: fc.subarray([...dimensions.keys()]),
        keepDims: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ dimensions, axes, keepDims }) => {
        await expectSameOnWasm(() => {
          const x = randomTensor(dimensions, 1);
          return [tf.sum(x, axes, keepDims), tf.mean(x, axes, keepDims)];
        }, 3e-5);
      }),
      { seed: 7, numRuns: 200 },
    );
    await expectSameOnWasm(
      () => [
        tf.sum(tf.add(randomTensor([3, 700, 5], 1), 1), 1),
        tf.mean(tf.add(randomTensor([1000, 33], 1), 1), 0),
        tf.sum(tf.cast(tf.mul(randomTensor([30, 8], 1), 10), 'int32'), 0),
      ],
      1e-6,
    );
  });

  it('batchNorm agrees with cpu', async () => {
    await expectSameOnWasm(() =>
      [
        [7, 5],
        [2, 3, 4, 6],
      ].flatMap((dimensions) => {
        const x = tf.add(randomTensor(dimensions, 1), 3);
        const channels = [dimensions.at(-1) as number];
        const mean = randomTensor(channels, 2) as tf.Tensor1D;
        const variance = tf.square(randomTensor(channels, 3)) as tf.Tensor1D;
        const offset = randomTensor(channels, 4) as tf.Tensor1D;
        const scale = randomTensor(channels, 5) as tf.Tensor1D;
        return [
          tf.batchNorm(x, mean, variance, offset, scale, 1e-3),
          tf.batchNorm(x, mean, variance, undefined, scale),
          tf.batchNorm(x, mean, variance, offset),
          tf.batchNorm(x, tf.square(x), tf.square(x), x, x),
        ];
      }),
    );
  });

  it('split and unstack agree with cpu', async () => {
    await expectSameOnWasm(() => {
      const x = randomTensor([4, 6, 9], 1);
      return [
        ...tf.split(x, 3, 1),
        ...tf.split(x, [2, 3, 4], -1),
        ...tf.split(tf.cast(x, 'bool'), 2, 0),
        ...tf.unstack(x, 1),
        ...tf.unstack(x, -1),
      ];
    }, 1e-9);
  });

  it('unsortedSegmentSum agrees with cpu, and drops rows without a segment', async () => {
    await expectSameOnWasm(() => {
      const ids = tf.tensor1d([3, 0, 3, 1, -1, 7], 'int32');
      return [
        tf.unsortedSegmentSum(randomTensor([6, 4, 3], 1), ids, 4),
        tf.unsortedSegmentSum(randomTensor([6], 1), ids, 4),
        tf.unsortedSegmentSum(tf.cast(tf.mul(randomTensor([6, 3], 1), 10), 'int32'), ids, 4),
        tf.grad((x: tf.Tensor) => tf.gather(x, tf.tensor1d([1, 1, 4], 'int32')))(
          randomTensor([5, 3], 1),
        ),
      ];
    }, 1e-6);
  });
});
