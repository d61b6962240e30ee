import { type FSWatcher, mkdirSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { selectBackend } from '../../src/node/backend.js';
import { train } from '../../src/node/training/train.js';
import { seededRandom } from '../../src/training/random.js';
import { expectSameRun } from '../node/same_run.js';
import { drawSmallData } from '../node/small_data.js';
import { temporaryFolder } from '../node/temporary_folder.js';
import { startProcess } from './run_process.js';

const folder = temporaryFolder();
const data = join(folder, 'data');
const straight = join(folder, 'straight');
const kills = 50;
const random = seededRandom(20250);
/** Four steps an epoch. */
const options = { data, preset: 'tiny', batchSize: 4, epochs: 3, workers: 1 } as const;
const flags = ['--preset', 'tiny', '--batch-size', '4', '--epochs', '3', '--workers', '1'];
/** Milliseconds of the run that nothing happens to, from its first step on. */
let duration: number;

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(data, { trainPerClass: 2 });
  let started = 0;
  await train({ ...options, out: straight, reporter: { started: () => (started = Date.now()) } });
  duration = Date.now() - started;
});

/** When to kill. */
type Moment = 'any' | 'in a save' | 'in the save after Ctrl-C';
const moments: Moment[] = ['any', 'in a save', 'in a save', 'in the save after Ctrl-C'];

/** Runs the command and kills it. @returns whether it was still alive then. */
async function runAndKill(args: readonly string[], out: string, moment: Moment): Promise<boolean> {
  let begun = false;
  let watcher: FSWatcher | undefined;
  const { child, outcome } = startProcess(['train', ...args], (text) => {
    if (begun || !text.includes('\nlr ')) return;
    begun = true;
    const kill = (milliseconds: number) =>
      setTimeout(() => child.kill('SIGKILL'), milliseconds * random.uniform());
    if (moment === 'any') kill(duration);
    if (moment === 'in a save') {
      // A folder appears, is filled, and takes the place of the one before.
      let saves = 1 + random.integer(5);
      watcher = watch(out, (_, name) => {
        if (name?.endsWith('.new') && --saves === 0) kill(random.integer(2) * 60);
      });
    }
    if (moment === 'in the save after Ctrl-C') {
      setTimeout(() => {
        child.kill('SIGINT');
        kill(100);
      }, duration * random.uniform());
    }
  });
  const { signal } = await outcome;
  watcher?.close();
  return signal === 'SIGKILL';
}

/** Whether a process was killed between the beginning and the end of a save. */
function isUnfinished(out: string): boolean {
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' });
  const holds = (name: string) => names.includes(name);
  const between = ['last', 'best'].some((name) => holds(`${name}.1`) && !holds(name));
  return between || names.some((name) => /\.(new|old|tmp)$/.test(name));
}

/** Nothing unfinished may be left. There may be no `last.1` where `best` had to stand in for it. */
function entriesOf(run: string): string[] {
  return readdirSync(run)
    .filter((name) => name !== 'last.1')
    .sort();
}

it(`a run killed at any of ${kills} moments ends bit for bit as if nothing had happened`, async () => {
  const counts = { runs: 0, killed: 0, unfinished: 0, beforeAnyCheckpoint: 0 };
  while (counts.killed < kills) {
    const out = join(folder, String(++counts.runs));
    mkdirSync(out);
    // Some are killed again, after they have gone on.
    for (let again = counts.runs % 3 === 0 ? 2 : 1; again > 0; again--) {
      const goesOn = readdirSync(out).some((name) => /^(last|best)(\.1)?$/.test(name));
      const args = goesOn ? ['--resume', out] : ['--data', data, ...flags, '--out', out];
      const moment = moments[random.integer(moments.length)]!;
      const killed = await runAndKill(args, out, moment);
      if (killed) counts.killed++;
      if (killed && isUnfinished(out)) counts.unfinished++;
    }
    const goesOn = readdirSync(out).some((name) => /^(last|best)(\.1)?$/.test(name));
    if (!goesOn) counts.beforeAnyCheckpoint++;
    const { stopped } = await train(goesOn ? { resume: out, workers: 1 } : { ...options, out });
    expect(stopped).toBe(false);
    expectSameRun(out, straight);
    expect(entriesOf(out)).toEqual(entriesOf(straight));
  }
  console.log(counts);
  // What the test is for: many are killed within a save.
  expect(counts.unfinished).toBeGreaterThanOrEqual(kills / 5);
  expect(counts.beforeAnyCheckpoint).toBeLessThan(counts.runs / 2);
}, 3_600_000);
