import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../../src/node/backend.js';
import { tensorboardReporter } from '../../../src/node/reporters/tensorboard.js';
import { train } from '../../../src/node/training/train.js';
import { drawSmallData } from '../small_data.js';
import { temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const small = { data: at('data'), preset: 'tiny', epochs: 2, batchSize: 4, workers: 1 } as const;

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(at('data'));
});

/** How many records a file of events holds; it must end with a whole one. */
function recordsOf(path: string): number {
  const bytes = readFileSync(path);
  let count = 0;
  let place = 0;
  for (; place < bytes.length; count++) place += 16 + Number(bytes.readBigUInt64LE(place));
  expect(place).toBe(bytes.length);
  return count;
}

describe('tensorboardReporter', () => {
  it('writes each event as it comes, and a file for each process, in the order of names', async () => {
    const dir = at('events', 'run');
    const reporter = await tensorboardReporter(dir);
    const path = () => join(dir, readdirSync(dir)[0]!);
    const counts: number[] = [];
    await train({
      ...small,
      out: at('run'),
      maxSteps: 3,
      reporter: {
        ...reporter,
        stepped(state) {
          reporter.stepped!(state);
          counts.push(recordsOf(path()));
        },
        async epochEnded(...args) {
          await reporter.epochEnded!(...args);
          counts.push(recordsOf(path()));
        },
      },
    });
    // The version, two steps, an epoch, a step.
    expect(counts).toEqual([2, 3, 4, 5]);
    const [first] = readdirSync(dir);
    expect(first).toMatch(/^events\.out\.tfevents\.\d{10}\.[\w-]+\.\d+\.0$/);
    const tags = readFileSync(path(), 'latin1');
    for (const tag of ['step_loss/total', 'step_loss/cba', 'loss/vit', 'accuracy/test', 'PNG']) {
      expect(tags).toContain(tag);
    }

    await train({ resume: at('run'), reporter: await tensorboardReporter(dir) });
    const files = readdirSync(dir).sort();
    expect(files[0]).toBe(first);
    // The version, a mark that the run goes on, a step and an epoch.
    expect(files.map((file) => recordsOf(join(dir, file)))).toEqual([5, 4]);
  });

  it('comes after files from a clock that is ahead', async () => {
    const dir = at('ahead');
    writeFile(join(dir, 'events.out.tfevents.9999999998.host.1.0'), '');
    await train({
      ...small,
      out: at('other'),
      maxSteps: 1,
      reporter: await tensorboardReporter(dir),
    });
    expect(readdirSync(dir).sort()[1]).toMatch(/^events\.out\.tfevents\.9999999999\./);
  });
});
