import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../../src/node/backend.js';
import { tensorboardReporter } from '../../../src/node/reporters/tensorboard.js';
import type { EpochLog } from '../../../src/node/training/run_folder.js';
import { train } from '../../../src/node/training/train.js';
import type { StepState } from '../../../src/node/training/train_options.js';
import { drawSmallData } from '../small_data.js';
import { temporaryFolder } from '../temporary_folder.js';

/** A Python that has the package tensorboard. */
const python = process.env.BTN_LAYERS_TENSORBOARD_PYTHON ?? 'python3';
const script = fileURLToPath(new URL('../../../scripts/read_event_files.py', import.meta.url));
const found = spawnSync(python, ['-c', 'import tensorboard']).status === 0;
const reason = found ? '' : ` (${python} has no tensorboard: set BTN_LAYERS_TENSORBOARD_PYTHON)`;

interface Read {
  events: number[];
  version: number;
  scalars: Record<string, [step: number, value: number][]>;
  images: Record<string, [step: number, width: number, height: number, bytes: number][]>;
}

function read(dir: string): Read {
  const { status, stdout, stderr } = spawnSync(python, [script, dir], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Read;
}

describe.skipIf(!found)(`event files, as TensorBoard reads them${reason}`, () => {
  const folder = temporaryFolder();
  const at = (...names: string[]) => join(folder, ...names);
  const small = { data: at('data'), preset: 'tiny', batchSize: 4, workers: 1 } as const;

  beforeAll(async () => {
    await selectBackend();
    await drawSmallData(at('data'));
  });

  it('hold every step and epoch once, also of a run that was killed and went on', async () => {
    const steps = new Map<number, StepState>();
    const epochs: [EpochLog, boolean][] = [];
    const reporterOf = async (crashAt: number) => {
      const written = await tensorboardReporter(at('events'));
      return {
        ...written,
        stepped(state: StepState) {
          written.stepped!(state);
          if (state.step === crashAt) throw new Error('killed');
          steps.set(state.step, state);
        },
        async epochEnded(...args: Parameters<NonNullable<typeof written.epochEnded>>) {
          await written.epochEnded!(...args);
          epochs.push([args[0], args[1]]);
        },
      };
    };
    const reporter = await reporterOf(4);
    const crash = train({ ...small, epochs: 3, out: at('run'), reporter });
    await expect(crash).rejects.toThrow('killed');
    // Goes on after step 2, the last checkpoint: steps 3 and 4 are there already.
    expect(read(at('events')).scalars['step_loss/total']!.map(([step]) => step)).toEqual([
      1, 2, 3, 4,
    ]);
    await train({ resume: at('run'), reporter: await reporterOf(0) });

    const { version, scalars, images } = read(at('events'));
    expect(version).toBe(2);
    expect(scalars['step_loss/total']).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => [n, Math.fround(steps.get(n)!.batch!.loss.total)]),
    );
    expect(scalars.learning_rate).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => [n, Math.fround(steps.get(n)!.batch!.learningRate)]),
    );
    const series: Record<string, (log: EpochLog) => number> = {
      'loss/bt': ({ loss }) => loss.bt!,
      'accuracy/train': ({ accuracy }) => accuracy.train!,
      'accuracy/test': ({ accuracy }) => accuracy.test!,
      'accuracy/mean_class': ({ meanClassAccuracy }) => meanClassAccuracy!,
      images_per_second: ({ imagesPerSecond }) => imagesPerSecond,
    };
    for (const [tag, ofEpoch] of Object.entries(series)) {
      const expected = epochs.map(([log]) => [2 * log.epoch, Math.fround(ofEpoch(log))]);
      expect(scalars[tag], tag).toEqual(expected);
    }
    const best = epochs.filter(([, isBest]) => isBest).map(([log]) => 2 * log.epoch);
    expect(images.confusion_matrix!.map(([step]) => step)).toEqual(best);
    for (const [, width, height, bytes] of images.confusion_matrix!) {
      expect([width > 600, height > 500, bytes > 10_000]).toEqual([true, true, true]);
    }
  });
});
