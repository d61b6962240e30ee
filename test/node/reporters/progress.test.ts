import { describe, expect, it } from 'vitest';
import { progressReporter } from '../../../src/node/reporters/progress.js';
import { freshSettings } from '../../../src/node/training/train_settings.js';

function started() {
  const lines: string[] = [];
  const reporter = progressReporter((line) => lines.push(line));
  const settings = freshSettings({ data: 'faces', preset: 'tiny', epochs: 1 });
  reporter.started!({
    settings,
    threads: 2,
    train: 70,
    validation: 0,
    test: 7,
    epoch: 1,
    position: 0,
    step: 0,
  });
  return { reporter, lines };
}

const loss = { total: 3, vit: 1, bt: 1, cba: 1 };

describe('progressReporter', () => {
  it('says what a run is and where it stopped', () => {
    const { reporter, lines } = started();
    const state = { step: 2, epoch: 1, done: 32, total: 70 };
    reporter.stopped!({ ...state, loss, accuracy: 0.5, imagesPerSecond: 2 });
    expect(lines).toEqual([
      'training tiny BTN-7 on 70 images, testing on 7 in 2 threads\nlr 0.001, batch 16, 1 epoch, seed 1\nadam, rate × 0.8 an epoch; flip 0.5',
      'stopped in epoch 1/1 after 32 of 70 images: 19 s left, 2.0 img/s, acc 50.0%, loss 3.000 (vit 1.000, bt 1.000, cba 1.000)',
    ]);
  });

  it('has no numbers of a run that was stopped before its first step', () => {
    const { reporter, lines } = started();
    const none = { total: Number.NaN, vit: Number.NaN };
    const state = { loss: none, accuracy: Number.NaN, imagesPerSecond: Number.NaN };
    reporter.stopped!({ step: 0, epoch: 1, done: 0, total: 70, ...state });
    expect(lines.at(-1)).toBe('stopped in epoch 1/1 after 0 of 70 images');
  });
});
