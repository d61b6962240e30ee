import { describe, expect, it } from 'vitest';
import { learningRateAt, type ScheduleSettings } from '../../src/training/index.js';

const base: ScheduleSettings = {
  learningRate: 2,
  schedule: 'exponential',
  warmupEpochs: 0,
  epochs: 10,
};

/** Of each step of each epoch. */
function rates(settings: Partial<ScheduleSettings>, steps = 4): number[][] {
  const all = { ...base, ...settings };
  return Array.from({ length: all.epochs }, (_, epoch) =>
    Array.from({ length: steps }, (_, step) => learningRateAt(all, epoch, step, steps)),
  );
}

describe('learningRateAt', () => {
  it('by default decays as the baseline does', () => {
    expect(rates({})[3]).toEqual(new Array(4).fill(2 * 0.98 ** 3));
    expect(rates({ schedule: 'step', epochs: 61 }).map(([rate]) => rate)[60]).toBeCloseTo(0.02, 12);
  });

  it('grows step by step to the learning rate in a part of an epoch, and goes on from there', () => {
    const [first, second, third] = rates({ decay: 0.5, warmupEpochs: 0.5 });
    expect(first).toEqual([1, 2, 2, 2]);
    expect(second).toEqual([2, 2, 1, 1]);
    expect(third).toEqual([1, 1, 0.5, 0.5]);
  });

  it('of a cosine ends above 0, an epoch before its end', () => {
    const last = rates({ schedule: 'cosine', warmupEpochs: 2 })[9]![3]!;
    expect(last).toBeCloseTo(1 + Math.cos((Math.PI * 7) / 8), 12);
  });

  it('is never 0 and never more than the learning rate', () => {
    for (const schedule of ['exponential', 'cosine', 'step', 'constant'] as const) {
      for (const warmupEpochs of [0, 0.3, 3]) {
        const all = rates({ schedule, warmupEpochs, decay: 0.5, decayEpochs: 2 }).flat();
        expect(all.every((rate) => rate > 0 && rate <= 2)).toBe(true);
        expect(Math.max(...all)).toBe(2);
      }
    }
  });
});
