import { expect, it } from 'vitest';
import { learningRateAt, type ScheduleSettings, scheduleKinds } from '../../src/training/index.js';
import { expectWithin, Golden, groupError } from '../support/goldens.js';

interface About extends Omit<ScheduleSettings, 'schedule'> {
  steps: number;
}

const golden = Golden.read<About>('schedules');
const { steps, tolerance, warmupEpochs: warmup, ...settings } = golden.about;

it.each(
  scheduleKinds.flatMap((schedule) =>
    [0, warmup].map((warmupEpochs) => ({ schedule, warmupEpochs })),
  ),
)('$schedule after $warmupEpochs epochs of warm-up agrees with PyTorch', (given) => {
  const expected = golden.group(`${given.schedule}.${given.warmupEpochs}`);
  const rates = Float32Array.from({ length: settings.epochs * steps }, (_, i) =>
    learningRateAt({ ...settings, ...given }, Math.floor(i / steps), i % steps, steps),
  );
  expect(expected.size).toBe(1);
  const error = groupError(new Map([['rates', rates]]), expected);
  const what = `${given.schedule} schedule, warm-up ${given.warmupEpochs}`;
  expectWithin({ what, quantity: 'rates', backend: 'none', error, tolerance });
});
