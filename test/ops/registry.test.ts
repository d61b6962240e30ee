import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { defineOp } from '../../src/ops/registry.js';
import { run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { ndArray } from '../support/reference/index.js';

describeBackends('defineOp', (backend) => {
  it('keeps a kernel that is there already', () => {
    const kernelName = `BtnTestKernel${backend}`;
    tf.registerKernel({
      kernelName,
      backendName: backend,
      kernelFunc: ({ inputs }) => tf.mul((inputs as unknown as tf.Tensor[])[0]!, 3),
    });
    const op = defineOp({
      kernelName,
      composite: ([x]) => [tf.mul(x!, 2)],
      gradient: ([dy]) => [() => tf.mul(dy!, 2)],
    });
    const x = ndArray([2], [1, -2]);
    expect([...run((at) => op([at!], {}), x)[0]!.data]).toEqual([3, -6]);
    expect([...run((at) => tf.grad((y) => op([y], {})[0]!)(at!), x)[0]!.data]).toEqual([2, 2]);
    for (const name of ['cpu', 'wasm', 'webgl', 'webgpu', 'tensorflow']) {
      tf.unregisterKernel(kernelName, name);
    }
    tf.unregisterGradient(kernelName);
  });

  it('computes no gradient that nobody asks for', () => {
    const asked: string[] = [];
    const op = defineOp({
      kernelName: `BtnTestThunks${backend}`,
      composite: ([x, y]) => [tf.mul(x!, y!)],
      gradient([dy], [x, y]) {
        return [
          () => {
            asked.push('x');
            return tf.mul(dy!, y!);
          },
          () => {
            asked.push('y');
            return tf.mul(dy!, x!);
          },
        ];
      },
    });
    const [gradient] = run(
      (x, y) => tf.grad((at) => op([at, y!], {})[0]!)(x!),
      ndArray([1], [2]),
      ndArray([1], [5]),
    );
    expect([...gradient!.data]).toEqual([5]);
    expect(asked).toEqual(['x']);
  });
});
