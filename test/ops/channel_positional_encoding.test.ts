import { expect, it } from 'vitest';
import { channelPositionalEncoding } from '../../src/index.js';
import { run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { expectClose } from '../support/gradient_check.js';
import * as reference from '../support/reference/index.js';

describeBackends('channelPositionalEncoding', () => {
  it.each([
    [7, 49],
    [8, 49],
    [7, 16],
    [1, 1],
    [3, 2],
  ])('equals its definition for %i classes and %i features', (classes, features) => {
    const encoding = run(() => channelPositionalEncoding(classes, features));
    // Computed in float64 and rounded once.
    expectClose(encoding, reference.channelPositionalEncoding(classes, features), 1e-7);
  });

  it('is 0, 1, 0, 1, … for the first class and sin 1, cos 1 first for the second', () => {
    const [{ data }] = run(() => channelPositionalEncoding(2, 5)) as [reference.NdArray];
    expect([...data.subarray(0, 5)]).toEqual([0, 1, 0, 1, 0]);
    expect([...data.subarray(5, 7)]).toEqual([Math.sin(1), Math.cos(1)].map(Math.fround));
  });
});
