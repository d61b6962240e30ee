import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ablationSvg } from '../../examples/ablation/chart.js';
import { dataFolder, makeData, wrongLabels } from '../../examples/ablation/data.js';
import {
  conditions,
  mainPlan,
  networkNames,
  type Run,
  sweepPlan,
} from '../../examples/ablation/plan.js';
import { type Lane, runMissing } from '../../examples/ablation/pool.js';
import { missingRuns, nameOf, type Result, readResults } from '../../examples/ablation/results.js';
import {
  mean,
  pairedDifference,
  standardDeviation,
  tQuantile95,
} from '../../examples/ablation/statistics.js';
import { difference, groupsOf, mainTable, sweepTable } from '../../examples/ablation/tables.js';
import { temporaryFolder } from '../node/temporary_folder.js';

const folder = temporaryFolder();
const repository = fileURLToPath(new URL('../..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const size = { trainPerClass: 1, testPerClass: 1, epochs: 1 };

/** A result that depends on the run alone: networks are 1 point apart, seeds 10. */
function toyResult(run: Run): Result {
  const vit = 0.4 + 0.01 * networkNames.indexOf(run.network) + 0.1 * run.seed;
  return { run, vit, train: [0.5], test: [vit], cpuSeconds: 1 };
}

function toyLane(measured: Run[], until = Number.POSITIVE_INFINITY): Lane {
  return {
    async measure(run) {
      if (measured.length >= until) throw new Error('cut short');
      measured.push(run);
      return toyResult(run);
    },
    close: () => undefined,
  };
}

describe('statistics', () => {
  it('has mean and sample standard deviation', () => {
    expect(mean([2, 4, 4, 4, 5, 5, 7, 9])).toBe(5);
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(standardDeviation([3])).toBeNaN();
  });

  it.each([
    [1, 12.706205],
    [2, 4.302653],
    [4, 2.776445],
    [9, 2.262157],
    [29, 2.04523],
    [200, 1.971896],
  ])('has Student’s t of %i degrees of freedom', (degrees, expected) => {
    expect(tQuantile95(degrees)).toBeCloseTo(expected, 5);
  });

  it('says which degrees of freedom it cannot take', () => {
    expect(() => tQuantile95(0)).toThrow('degrees of freedom are 0');
  });

  it('compares pair by pair', () => {
    // Student’s own sleep data of 1908: 10 pairs, t = 4.0621, 95 % interval 0.7001 to 2.4599.
    const one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2];
    const two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    const found = pairedDifference(two, one)!;
    expect(found.mean).toBeCloseTo(1.58, 10);
    expect(found.lower).toBeCloseTo(0.7001142, 6);
    expect(found.upper).toBeCloseTo(2.4598858, 6);
    expect([found.n, found.above]).toEqual([10, 9]);
    expect(pairedDifference([1], [2])).toBeUndefined();
    expect(() => pairedDifference([1, 2], [1])).toThrow(RangeError);
  });
});

describe('plans', () => {
  it('hold every network under every condition, whole seeds first', () => {
    const plan = mainPlan(size, 5);
    expect(plan).toHaveLength(80);
    expect(new Set(plan.map(nameOf)).size).toBe(80);
    const first = plan.slice(0, 16);
    expect(first.every(({ seed }) => seed === 1)).toBe(true);
    for (const condition of conditions) {
      expect(first.filter((run) => run.condition === condition)).toHaveLength(4);
    }
  });

  it('sweep one setting at a time, and share what the main part has', () => {
    const plan = sweepPlan(size, 3);
    const changed = new Set(plan.map(({ change }) => change));
    expect(plan).toHaveLength(51);
    expect(changed.size).toBe(12);
    const missing = missingRuns(plan, mainPlan(size, 3).map(toyResult));
    expect(missing).toHaveLength(45);
    const atBatch64 = plan.find(({ change }) => change === 'batch 64')!;
    expect(atBatch64.settings).toEqual({ batchSize: 64, learningRate: 2e-3 });
    const epochs = new Set(plan.map(({ change, epochs }) => `${change || 'none'}: ${epochs}`));
    expect([...epochs]).toContain(`4 × the epochs: ${4 * size.epochs}`);
  });
});

describe('runMissing', () => {
  it('goes on where it was cut short', async () => {
    const path = join(folder, 'results.jsonl');
    const plan = mainPlan(size, 1);
    const measured: Run[] = [];
    const ignore = () => undefined;
    await expect(runMissing(plan, path, [toyLane(measured, 5)], ignore)).rejects.toThrow(
      'cut short',
    );
    expect(await readResults(path)).toHaveLength(5);
    // A line that the end of the process cut in two.
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -20));
    expect(await readResults(path)).toHaveLength(4);
    const counts: number[][] = [];
    const again: Run[] = [];
    await runMissing(plan, path, [toyLane(again), toyLane(again)], (_, done, total) => {
      counts.push([done, total]);
    });
    expect(again).toEqual(plan.slice(4));
    expect(counts.at(0)).toEqual([1, 12]);
    expect(counts.at(-1)).toEqual([12, 12]);
    const results = await readResults(path);
    expect(results.map(({ run }) => nameOf(run)).sort()).toEqual(plan.map(nameOf).sort());
    expect(missingRuns(plan, results)).toEqual([]);
  });

  it('knows a run by its settings, not by the order or the words they are written in', () => {
    const [run] = sweepPlan(size, 1).filter(({ change }) => change === 'batch 32');
    const { settings, ...rest } = run!;
    const reversed = Object.fromEntries(Object.entries(settings).reverse());
    expect(nameOf({ settings: reversed, ...rest, change: 'other words' })).toBe(nameOf(run!));
    expect(nameOf({ ...run!, epochs: 2 })).not.toBe(nameOf(run!));
  });
});

describe('tables and chart', () => {
  const plan = mainPlan(size, 3);
  // Seed 3 of BTN is not there: its pair must not count.
  const results = plan
    .filter(({ network, seed }) => !(network === 'BTN' && seed === 3))
    .map((run) => toyResult(run));

  it('compare the seeds that both have', () => {
    const groups = groupsOf(plan, results);
    const [posterV2, , , btn] = groups;
    const found = difference(btn!, posterV2)!;
    expect([btn!.network, found.n, found.above]).toEqual(['BTN', 2, 2]);
    expect(found.mean).toBeCloseTo(0.03, 10);
    const rows = mainTable(groups).split('\n');
    expect(rows[2]).toBe('| clean | POSTER V2 | 3 | 60.0 ± 10.0 |  |  |  |');
    expect(rows[5]).toBe('| clean | BTN | 2 | 58.0 ± 7.1 |  | **+3.0** [+3.0, +3.0] | 2 of 2 |');
    expect(rows[20]).toMatch(
      /^\| all, pooled \| BTN \| 8 \| {2}\| {2}\| \*\*\+3\.0\*\* .* \| 8 of 8 \|$/,
    );
    expect(rows).toHaveLength(22);
  });

  it('compare what the sweep changes with POSTER V2 at the same batch and with BTN unchanged', () => {
    const sweep = sweepPlan(size, 2);
    const changed = sweep.map((run) => {
      const result = toyResult(run);
      return run.change === 'batch 64' ? { ...result, vit: result.vit + 0.2 } : result;
    });
    const rows = sweepTable(groupsOf(sweep, changed)).split('\n');
    const row = rows.find((each) => each.startsWith('| BTN | batch 64'))!;
    expect(row).toContain('**+3.0** [+3.0, +3.0] | 2 of 2 | **+20.0** [+20.0, +20.0] | 2 of 2 |');
  });

  it('draw every seed and every interval', async () => {
    const svg = await ablationSvg(groupsOf(plan, results), 'toy <results>');
    expect(svg).toContain('toy &lt;results&gt;');
    // 44 accuracies and 12 differences.
    expect(svg.match(/<circle/g)).toHaveLength(56);
    expect(svg).not.toContain('NaN');
  });
});

describe('data', () => {
  it('has wrong labels for 30 % of each class, never its own', () => {
    const labels = Array.from({ length: 140 }, (_, i) => i % 7);
    const wrong = wrongLabels(labels, 7);
    expect(wrongLabels(labels, 7)).toEqual(wrong);
    for (let label = 0; label < 7; label++) {
      const given = wrong.filter((_, i) => labels[i] === label);
      expect(given.filter((each) => each !== label)).toHaveLength(6);
      expect(given.every((each) => each >= 0 && each < 7)).toBe(true);
    }
    expect(new Set(wrong.map((label, i) => (label - labels[i]! + 7) % 7)).size).toBe(7);
  });

  it('mislabels training pictures only, and corrupts those of both splits', async () => {
    const root = join(folder, 'data');
    const four = { trainPerClass: 4, testPerClass: 1 };
    await makeData(root, four);
    const file = (condition: (typeof conditions)[number], path: string) =>
      join(dataFolder(root, condition, four), path);
    const clean = readFileSync(file('clean', 'test/3/test_00001.jpg'));
    expect(readFileSync(file('wrong labels', 'test/3/test_00001.jpg'))).toEqual(clean);
    const trained = [1, 2, 3, 4, 5, 6, 7].flatMap((label) =>
      readdirSync(file('wrong labels', `train/${label}`)).map((name) => [`${label}`, name[0]!]),
    );
    expect(trained).toHaveLength(28);
    expect(trained.filter(([label, drawn]) => label !== drawn)).toHaveLength(7);
    const pixels = (condition: (typeof conditions)[number], path: string) =>
      sharp(file(condition, path)).raw().toBuffer();
    const original = await pixels('clean', 'test/3/test_00001.jpg');
    const occluded = await pixels('occluded', 'test/3/test_00001.png');
    const untouched = occluded.filter((byte, i) => byte === original[i]).length;
    // A square of 50 of 112 pixels a side.
    expect(untouched / original.length).toBeGreaterThan(0.79);
    expect(untouched / original.length).toBeLessThan(0.82);
    expect(await pixels('low resolution', 'train/1/train_00004.png')).not.toEqual(
      await pixels('clean', 'train/1/train_00004.jpg'),
    );
  });
});

describe('npm run ablation', () => {
  const start = (...args: string[]) =>
    promisify(execFile)(
      process.execPath,
      ['--import', tsx, join(repository, 'examples', 'ablation.ts'), ...args],
      {
        cwd: folder,
        env: { ...process.env, TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json') },
      },
    );

  it('trains the runs that are missing, and writes table and chart', async () => {
    const plan = mainPlan(size, 1);
    const out = join(folder, 'ablation');
    const path = join(out, 'results.jsonl');
    mkdirSync(out);
    const known = plan.slice(0, -1).map((run) => `${JSON.stringify(toyResult(run))}\n`);
    writeFileSync(path, known.join(''));
    const sizes = ['--train-per-class', '1', '--test-per-class', '1', '--epochs', '1'];
    const { stdout } = await start('--seeds', '1', ...sizes, '--out', out);
    expect(stdout).toMatch(/^16 runs, 1 to do/);
    expect(stdout).toMatch(/\n1\/1 {2}low resolution {2}BTN {2}seed 1 {2}vit \d/);
    const added = (await readResults(path)).at(-1)!;
    expect(nameOf(added.run)).toBe(nameOf(plan.at(-1)!));
    expect((7 * added.vit) % 1).toBeCloseTo(0, 10);
    expect(added.bt).toBeGreaterThanOrEqual(0);
    expect(added.test).toHaveLength(1);
    expect(added.test[0]).toBeCloseTo(added.vit, 4);
    expect(readdirSync(out).sort()).toEqual(['main.md', 'main.svg', 'results.jsonl']);
  });

  it('says what it cannot do', async () => {
    const error = await start('--part', 'all').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 1, stderr: '--part is all: expected main or sweep\n' });
  });
});
