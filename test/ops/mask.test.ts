import { expect, it } from 'vitest';
import { dropoutMask } from '../../src/ops/mask.js';
import { run } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';

describeBackends('dropoutMask', () => {
  const maskOf = (samples: number, firstSample?: number) =>
    run(() => dropoutMask([samples, 50], { rate: 0.25, seed: 3, firstSample }))[0]!;

  it('is 0 for the rate of all, and what makes up for it elsewhere', () => {
    const { shape, data } = maskOf(200);
    expect(shape).toEqual([200, 50]);
    expect(new Set(data)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    // Four standard errors of 10,000 draws.
    const dropped = data.filter((v) => v === 0).length / data.length;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.0174);
  });

  it('gives a part of a batch its part of the mask', () => {
    const whole = maskOf(6);
    const part = maskOf(2, 4);
    expect(part.shape).toEqual([2, 50]);
    expect(part.data).toEqual(whole.data.slice(4 * 50));
  });
});
