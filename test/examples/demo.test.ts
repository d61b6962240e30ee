import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folder, runExample } from './run_example.js';

it('the demo draws, trains, predicts, and names files that are there', async () => {
  const sizes = ['--train-per-class', '4', '--test-per-class', '2', '--epochs', '1'];
  const printed = await runExample('demo.ts', ...sizes, '--out', 'tmp');
  expect(printed).toMatch(
    /^drawing 42 faces, once\nfaces: 28 to train on, 14 of other people to test on, /,
  );
  expect(printed).toMatch(/\nbackend: wasm /);
  expect(printed).toMatch(/\naccuracy +\d+\.\d\d% of 14 images\n/);
  const faces = printed.match(/^ {2}\S+ {2}\w+ \(\d+%\)/gm) ?? [];
  expect(faces).toHaveLength(5);
  for (const face of faces) expect(existsSync(join(folder, face.trim().split(' ')[0]!))).toBe(true);
  const named = printed.slice(printed.indexOf('the result as a page')).match(/\btmp\S*/g) ?? [];
  expect(named.length).toBeGreaterThanOrEqual(4);
  for (const name of named) expect(existsSync(join(folder, name))).toBe(true);
});

it('the demo explains what it cannot do', async () => {
  const error = await runExample('demo.ts', '--classes', '9').catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 1, stderr: '--classes must be 7 or 8, not 9\n' });
});
