/**
 * Does the idea hold? Trains POSTER V2, and what BTN adds to it, on drawn faces: as they are, with
 * wrong labels, occluded and at low resolution, seed by seed. Ctrl-C stops it; the same command goes on.
 *
 *     npm run ablation
 *     npm run ablation -- --part sweep
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { duration } from '../src/node/reporters/progress.js';
import { physicalCores } from '../src/node/threads/cores.js';
import { ablationSvg } from './ablation/chart.js';
import { makeData } from './ablation/data.js';
import { mainPlan, type Run, sweepPlan } from './ablation/plan.js';
import { type Lane, openChild, runMissing } from './ablation/pool.js';
import { missingRuns, type Result, readResults } from './ablation/results.js';
import { groupsOf, mainTable, sweepTable } from './ablation/tables.js';

const data = join('data', 'ablation');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', default: 'main' },
      seeds: { type: 'string' },
      'train-per-class': { type: 'string', default: '60' },
      'test-per-class': { type: 'string', default: '40' },
      epochs: { type: 'string', default: '8' },
      out: { type: 'string', default: join('runs', 'ablation') },
    },
  });
  const { part, out } = values;
  if (part !== 'main' && part !== 'sweep') {
    throw new Error(`--part is ${part}: expected main or sweep`);
  }
  const size = {
    trainPerClass: wholeNumber('--train-per-class', values['train-per-class']),
    testPerClass: wholeNumber('--test-per-class', values['test-per-class']),
    epochs: wholeNumber('--epochs', values.epochs),
  };
  const seeds = wholeNumber('--seeds', values.seeds ?? (part === 'main' ? '5' : '3'));
  const plan = part === 'main' ? mainPlan(size, seeds) : sweepPlan(size, seeds);
  await mkdir(out, { recursive: true });
  const path = join(out, 'results.jsonl');

  await makeData(data, size);
  const stopped = await runAll(plan, path, join(out, 'unfinished'));
  if (stopped) process.exitCode = 130;

  const results = await readResults(path);
  const groups = groupsOf(plan, results);
  const left = missingRuns(plan, results).length;
  const note =
    `${size.trainPerClass} training and ${size.testPerClass} test pictures a class, ` +
    `${size.epochs} epochs, ${seeds} seeds; ${cpus()[0]!.model}, Node ${process.version}` +
    (left > 0 ? `; ${left} of ${plan.length} runs still missing` : '');
  const table = part === 'main' ? mainTable(groups) : sweepTable(groups);
  console.log(`\n${table}\n${note}`);
  await writeFile(join(out, `${part}.md`), `${table}\n${note}\n`);
  if (part === 'main') await writeFile(join(out, 'main.svg'), await ablationSvg(groups, note));
  console.log(`table and chart: ${join(out, part)}.*, single runs: ${path}`);
}

/**
 * Does what is missing of a plan in as many child processes as there are cores.
 *
 * @returns whether Ctrl-C ended it.
 */
async function runAll(plan: readonly Run[], path: string, scratch: string): Promise<boolean> {
  const missing = missingRuns(plan, await readResults(path)).length;
  console.log(`${plan.length} runs, ${missing} to do, results in ${path}`);
  if (missing === 0) return false;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  const started = performance.now();
  const report = (result: Result, done: number, total: number) => {
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `${done}/${total}  ${textOf(result)}  ${duration((seconds / done) * (total - done))} left`,
    );
  };
  const lanes: Lane[] = [];
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
    for (const lane of lanes) lane.close();
    console.log('\nstopped: the same command goes on');
  });
  try {
    for (let i = 0; i < Math.min(missing, physicalCores()); i++) {
      lanes.push(await openChild({ data, scratch }));
    }
    await runMissing(plan, path, lanes, report);
  } catch (error) {
    if (!stopped) throw error;
  } finally {
    for (const lane of lanes) lane.close();
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
  return stopped;
}

function textOf({ run, vit, bt }: Result): string {
  const { condition, network, change, seed } = run;
  const accuracies = [
    `vit ${(100 * vit).toFixed(1)}`,
    ...(bt ? [`bt ${(100 * bt).toFixed(1)}`] : []),
  ];
  return [condition, network, change, `seed ${seed}`, ...accuracies].filter(Boolean).join('  ');
}

function wholeNumber(flag: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${flag} is ${text}: expected a number from 1 on`);
  return Number(text);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
