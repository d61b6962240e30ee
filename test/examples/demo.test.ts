import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../node/temporary_folder.js';

const folder = temporaryFolder();
const repository = fileURLToPath(new URL('../..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Runs an example in a folder of its own, as it writes `data/` and `runs/` where it is started. */
async function runExample(name: string, ...args: string[]): Promise<string> {
  const path = join(repository, 'examples', name);
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', tsx, path, ...args], {
    cwd: folder,
    env: { ...process.env, TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json') },
  });
  return stdout;
}

it('the demo draws, trains, predicts, and names files that are there', async () => {
  const sizes = ['--train-per-class', '4', '--test-per-class', '2', '--epochs', '1'];
  const printed = await runExample('demo.ts', ...sizes, '--out', 'tmp');
  expect(printed).toMatch(/^faces: 28 to train on, 14 of other people to test on, /);
  expect(printed).toMatch(/\nbackend: wasm /);
  expect(printed).toMatch(/\naccuracy +\d+\.\d\d% of 14 images\n/);
  const faces = printed.match(/^ {2}\S+ {2}\w+ \(\d+%\)/gm) ?? [];
  expect(faces).toHaveLength(5);
  for (const face of faces) expect(existsSync(join(folder, face.trim().split(' ')[0]!))).toBe(true);
  const named = printed.slice(printed.indexOf('pictures of the result')).match(/\btmp\S*/g) ?? [];
  expect(named.length).toBeGreaterThanOrEqual(4);
  for (const name of named) expect(existsSync(join(folder, name))).toBe(true);
});

it('the demo explains what it cannot do', async () => {
  const error = await runExample('demo.ts', '--classes', '9').catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 1, stderr: '--classes must be 7 or 8, not 9\n' });
});

it('the example of a model of one’s own learns', async () => {
  const printed = await runExample('custom_model.ts');
  const losses = [...printed.matchAll(/^step \d+ {2}loss ([\d.]+)$/gm)].map(([, n]) => Number(n));
  expect(losses.length).toBeGreaterThanOrEqual(2);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
  expect(Number(/clean test accuracy ([\d.]+) %/.exec(printed)?.[1])).toBeGreaterThan(60);
});
