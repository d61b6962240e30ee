import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoGrowth, expectSameOnWasm, randomTensor, relativeError } from './both_backends.js';

const batches = fc.constantFrom<[number[], number[]]>(
  [[], []],
  [[1], [1]],
  [[5], [5]],
  [[3], [1]],
  [[1], [4]],
  [
    [2, 3],
    [2, 3],
  ],
  [
    [2, 1],
    [1, 3],
  ],
  [[3], [2, 3]],
  [[2, 1, 3], [1]],
);
const side = fc.constantFrom(1, 2, 3, 7, 8, 12, 17, 32, 49, 50);

describe('matMul on wasm', () => {
  it('agrees with cpu over batches, broadcasting and transposition', async () => {
    const arbitrary = fc.record({
      batch: batches,
      m: side,
      k: side,
      n: side,
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        arbitrary,
        async ({ batch: [aBatch, bBatch], m, k, n, transposeA, transposeB }) => {
          // The cpu kernel itself is wrong where both operands are broadcast: repeat them there by hand.
          const outBatch = tf.broadcast_util.assertAndGetBroadcastShape(aBatch, bBatch);
          const aShape = transposeA ? [k, m] : [m, k];
          const bShape = transposeB ? [n, k] : [k, n];
          await expectSameOnWasm(() => {
            let a = randomTensor([...aBatch, ...aShape], 1);
            let b = randomTensor([...bBatch, ...bShape], 2);
            if (tf.getBackend() === 'cpu') {
              a = tf.broadcastTo(a, [...outBatch, ...aShape]);
              b = tf.broadcastTo(b, [...outBatch, ...bShape]);
            }
            return tf.matMul(a, b, transposeA, transposeB);
          }, 1e-5);
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });

  it('agrees around the edges of tiles and blocks', async () => {
    const sizes = fc.oneof(
      fc.tuple(fc.constantFrom(119, 120, 121, 126, 241), fc.constantFrom(9, 31), fc.nat(20)),
      fc.tuple(fc.constantFrom(1, 5, 6, 11), fc.constantFrom(255, 256, 257, 600), fc.nat(20)),
      fc.tuple(fc.constantFrom(4, 10, 11, 13), fc.nat(20), fc.constantFrom(511, 512, 513, 520)),
      fc.tuple(fc.constantFrom(2, 7, 12), fc.constantFrom(4095, 4096, 4097, 8200), fc.nat(12)),
      fc.tuple(fc.nat(12), fc.nat(300), fc.nat(70)),
    );
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), fc.boolean(), async ([m, k, n], tA, tB) => {
        await expectSameOnWasm(
          () =>
            tf.matMul(
              randomTensor(tA ? [k, m] : [m, k], 1),
              randomTensor(tB ? [n, k] : [k, n], 2),
              tA,
              tB,
            ),
          1e-5,
        );
      }),
      { seed: 5, numRuns: 150 },
    );
  });

  it('multiplies zeros by what is not finite', async () => {
    await tf.setBackend('wasm');
    for (const rows of [1, 2, 5, 12]) {
      for (const columns of [1, 4, 9, 40]) {
        for (const transposeB of [false, true]) {
          tf.tidy(() => {
            const a = tf.zeros([rows, 3]);
            const values = [Number.POSITIVE_INFINITY, Number.NaN, 1];
            const b = tf.broadcastTo(tf.tensor(values, [1, 3]), [columns, 3]);
            const out = tf.matMul(a, transposeB ? b : tf.transpose(b), false, transposeB);
            expect(Array.from(out.dataSync())).toEqual(Array(rows * columns).fill(Number.NaN));
          });
        }
      }
    }
  });

  it('leaves nothing behind', async () => {
    await tf.setBackend('wasm');
    const a = randomTensor([3, 130, 70], 1);
    const b = randomTensor([3, 130, 90], 2);
    await expectNoGrowth(() => tf.matMul(a, b, true, false));
    tf.dispose([a, b]);
  });

  it('agrees where the inner dimension fills several panels', async () => {
    await expectSameOnWasm(
      () => tf.matMul(randomTensor([2500, 9], 1), randomTensor([2500, 7], 2), true, false),
      1e-5,
    );
    await expectSameOnWasm(
      () => tf.matMul(randomTensor([1500, 9], 1), randomTensor([7, 1500], 2), true, true),
      1e-5,
    );
  });

  it('multiplies by the same data in two shapes', async () => {
    await expectSameOnWasm(() => {
      const b = randomTensor([6, 40], 2);
      const first = tf.matMul(randomTensor([30, 6], 1), b);
      const second = tf.matMul(randomTensor([30, 40], 3), tf.reshape(b, [40, 6]));
      const third = tf.fused.matMul({
        a: randomTensor([30, 60], 4) as tf.Tensor2D,
        b: tf.reshape(b, [60, 4]) as tf.Tensor2D,
      });
      return [first, second, third];
    });
  });

  it('has the gradients of cpu', async () => {
    await expectSameOnWasm(() => {
      const gradients = tf.grads((a: tf.Tensor, b: tf.Tensor) =>
        tf.sum(tf.square(tf.matMul(a, b, false, true))),
      );
      return gradients([randomTensor([6, 20, 8], 1), randomTensor([6, 20, 8], 2)]);
    });
  });

  it('of empty tensors is empty or zero', async () => {
    await tf.setBackend('wasm');
    tf.tidy(() => {
      expect(tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2])).shape).toEqual([0, 2]);
      expect(tf.matMul(tf.zeros([3, 2]), tf.zeros([2, 0])).shape).toEqual([3, 0]);
      expect(tf.matMul(tf.zeros([0, 3, 2]), tf.zeros([0, 2, 4])).shape).toEqual([0, 3, 4]);
      expect(tf.matMul(tf.zeros([0, 3, 2]), tf.zeros([2, 4])).shape).toEqual([0, 3, 4]);
      expect(Array.from(tf.matMul(tf.zeros([1, 0]), tf.zeros([0, 2])).dataSync())).toEqual([0, 0]);
      const [a, b] = [tf.zeros([2, 3, 0]), tf.zeros([2, 0, 2])];
      expect(Array.from(tf.matMul(a, b).dataSync())).toEqual(Array(12).fill(0));
    });
  });
});

describe('fused matMul on wasm', () => {
  it('agrees with cpu with bias, activation, batch and transposition', async () => {
    const arbitrary = fc.record({
      batch: fc.constantFrom<number[]>([], [3]),
      m: fc.constantFrom(1, 6, 12),
      k: fc.constantFrom(5, 48, 49, 130),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      bias: fc.boolean(),
      activation: fc.constantFrom<tf.fused.Activation | 'leakyrelu'>(
        'linear',
        'relu',
        'relu6',
        'elu',
        'sigmoid',
        'prelu',
        'leakyrelu',
      ),
    });
    await fc.assert(
      fc.asyncProperty(
        arbitrary,
        async ({ batch, m, k, transposeA, transposeB, bias, activation }) => {
          const n = 9;
          await expectSameOnWasm(
            () =>
              tf.fused.matMul({
                a: randomTensor([...batch, ...(transposeA ? [k, m] : [m, k])], 1),
                b: randomTensor([...batch, ...(transposeB ? [n, k] : [k, n])], 2),
                transposeA,
                transposeB,
                bias: bias ? randomTensor([n], 3) : undefined,
                activation: activation as tf.fused.Activation,
                preluActivationWeights: activation === 'prelu' ? randomTensor([n], 4) : undefined,
                leakyreluAlpha: 0.3,
              }),
            1e-5,
          );
        },
      ),
      { seed: 4, numRuns: 100 },
    );
  });

  it('adds a bias of any shape that broadcasts', async () => {
    await expectSameOnWasm(() =>
      [[1], [7, 1], [7, 9], [1, 9]].map((shape) =>
        tf.fused.matMul({
          a: randomTensor([7, 60], 1) as tf.Tensor2D,
          b: randomTensor([60, 9], 2) as tf.Tensor2D,
          bias: randomTensor(shape, 3),
        }),
      ),
    );
  });

  it('adds the bias once', async () => {
    await tf.setBackend('wasm');
    tf.tidy(() => {
      const a = tf.zeros([1, 200]) as tf.Tensor2D;
      const b = tf.zeros([3, 200]) as tf.Tensor2D;
      const out = tf.fused.matMul({ a, b, transposeB: true, bias: tf.ones([3]) });
      expect(relativeError(out.dataSync(), [1, 1, 1])).toBe(0);
    });
  });
});
