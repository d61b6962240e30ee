/** The short examples with less to do: each option that makes them smaller is one that they document. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { selectBackend, train } from '../../src/node/index.js';
import { readSafetensors } from '../../src/weights/index.js';
import { drawSmallData } from '../node/small_data.js';
import { root } from '../support/run.js';
import { folder, runExample } from './run_example.js';

const numbers = (text: string) => (text.match(/-?\d+\.\d+/g) ?? []).map(Number);

it('noisy_digits learns digits with both heads, and says how well', async () => {
  const sizes = ['--train', '500', '--test', '200', '--epochs', '5', '--seeds', '1'];
  const printed = await runExample('noisy_digits.ts', ...sizes, '--noise', '0');
  const [, row] = printed.split('\n');
  expect(row).toMatch(/^ +1 +\S+ % +\S+ % +\S+ %$/);
  // Chance is 10 %.
  for (const accuracy of numbers(row!)) expect(accuracy).toBeGreaterThan(50);
  const [plain, alone, together] = numbers(row!).map((value) => value.toFixed(1));
  expect(printed).toContain(`plain head                        ${plain} %`);
  expect(printed).toContain(`image alone     ${alone} %   (gain `);
  expect(printed).toContain(`in batches      ${together} %`);
});

it('sam_in_a_loop lowers the loss with and without SAM', async () => {
  const printed = await runExample('sam_in_a_loop.ts', '--steps', '200');
  for (const name of ['Adam', 'SAM ']) {
    const losses = [...printed.matchAll(new RegExp(`^${name} step \\d+  loss (\\S+)$`, 'gm'))];
    const [first, last] = losses.map(([, loss]) => Number(loss));
    expect(last).toBeLessThan(first!);
    const right = Number(new RegExp(`^${name} is right on (\\S+) %`, 'm').exec(printed)?.[1]);
    expect(right).toBeGreaterThan(70);
  }
});

it('check_gradients passes what is right and finds the slip', async () => {
  const printed = await runExample('check_gradients.ts');
  expect(printed).toMatch(/^right: \[\]$/m);
  expect(printed).toMatch(/^layer: \[\]$/m);
  expect(printed).toMatch(
    /^with a slip: \[\n {2}'gradient of input 0: error \S+ is above 1\.0e-4/m,
  );
  expect(printed).toMatch(/^with a slip, no reference: \[\n {2}'gradient of input 0: error /m);
});

const python = process.env.BTN_LAYERS_PYTHON;

it('export_to_pytorch writes names, shapes and values of PyTorch', async () => {
  const printed = await runExample('export_to_pytorch.ts', '--train', '200', '--epochs', '1');
  const written = join(folder, 'runs', 'digits');
  expect(readdirSync(written).sort()).toEqual(['digits.py', 'digits.safetensors']);
  const { tensors } = readSafetensors(readFileSync(join(written, 'digits.safetensors')));
  expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual({
    'features.0.weight': [16, 1, 3, 3],
    'features.0.bias': [16],
    'features.2.weight': [32, 16, 3, 3],
    'features.2.bias': [32],
    'features.4.weight': [64, 32, 6, 6],
    'features.4.bias': [64],
    'head.weight': [10, 64],
    'head.bias': [10],
  });
  const ours = /^logits of a grey image: (.*)$/m.exec(printed)![1]!;
  expect(numbers(ours)).toHaveLength(10);
  if (!python) return;
  const theirs = execFileSync(python, [join(written, 'digits.py')], { encoding: 'utf8' });
  numbers(theirs).forEach((logit, i) => {
    expect(Math.abs(logit - numbers(ours)[i]!)).toBeLessThan(2e-4);
  });
});

it('says of each example which command runs it', () => {
  const text = readFileSync(join(root, 'examples', 'README.md'), 'utf8');
  const commands = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts as object;
  const named = `${text} ${Object.values(commands).join(' ')}`;
  // Of several examples, not one of its own.
  const parts = ['digits.ts'];
  const programs = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));
  for (const name of programs) if (!parts.includes(name)) expect(named).toContain(name);
  for (const [, path] of text.matchAll(/npx tsx ([\w/.]+)/g)) {
    expect(() => readFileSync(join(root, path!))).not.toThrow();
  }
});

it('predict_folder reads every picture below a folder, and names what is none', async () => {
  await selectBackend();
  const data = await drawSmallData(join(folder, 'small'));
  await train({ data, preset: 'tiny', maxSteps: 1, batchSize: 4, out: join(folder, 'run') });
  writeFileSync(join(data, 'test', 'broken.jpg'), 'no picture');
  const args = [join('small', 'test'), '--checkpoint', 'run', '--out', 'found.csv'];
  const printed = await runExample('predict_folder.ts', ...args);
  expect(printed).toMatch(/^left out: small\/test\/broken\.jpg: /m);
  expect(printed).toMatch(/^7 pictures in found\.csv$/m);
  const [head, ...rows] = readFileSync(join(folder, 'found.csv'), 'utf8').trim().split('\n');
  expect(head).toMatch(/^image,label,(\w+,){6}\w+$/);
  expect(rows).toHaveLength(7);
  for (const row of rows) {
    const probabilities = row.split(',').slice(2).map(Number);
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 2);
  }
});

it('predict_folder says what it needs', async () => {
  const error = await runExample('predict_folder.ts').catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 1, stderr: 'needs a folder and --checkpoint\n' });
});
