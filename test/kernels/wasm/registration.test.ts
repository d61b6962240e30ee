import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..', '..');

/** Trains one convolution for a step and prints what the console warned of and the gradient's first value. */
const TRAIN = `
const warnings = [];
console.warn = (...parts) => {
  const text = parts.join(' ');
  if (!text.includes('looks like you are running')) warnings.push(text);
};
const step = (tf) => tf.tidy(() => {
  const gradient = tf.grad((filter) => tf.sum(tf.conv2d(tf.ones([1, 4, 4, 1]), filter, 1, 'valid')));
  return gradient(tf.ones([3, 3, 1, 1])).dataSync()[0];
});
`;

const OURS = `await import(${JSON.stringify(join(root, 'src', 'kernels', 'index.ts'))});`;
const BACKEND = `await import('@tensorflow/tfjs-backend-wasm');`;
const CORE = `const tf = await import('@tensorflow/tfjs-core'); await import('@tensorflow/tfjs-layers');`;
const SET = `await tf.setBackend('wasm');`;
const TWICE = `await tf.setBackend('cpu'); await tf.setBackend('wasm');`;
const CPU = `await import('@tensorflow/tfjs-backend-cpu');`;

describe('registration of the wasm kernels', () => {
  let folder: string;
  beforeAll(async () => {
    // Inside the repository, where the packages resolve.
    folder = await mkdtemp(join(root, 'node_modules', '.registration-test-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const orders: [string, string[]][] = [
    ['before the backend is imported', [OURS, CORE, BACKEND, SET]],
    ['after the backend is imported', [CORE, BACKEND, OURS, SET]],
    ['after the backend is set', [CORE, BACKEND, SET, OURS]],
    ['twice, with the backend set again', [OURS, CORE, BACKEND, CPU, SET, OURS, TWICE]],
    ['where the backend is chosen by tf.ready()', [CORE, OURS, BACKEND, 'await tf.ready();']],
  ];
  it.concurrent.each(orders)('works %s', async (name, lines) => {
    const file = join(folder, `${name.replace(/\W+/g, '_')}.mts`);
    const report = `console.log(JSON.stringify({ value: step(tf), backend: tf.getBackend(), warnings }));`;
    await writeFile(file, [TRAIN, ...lines, report].join('\n'));
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { cwd: root });
    expect(JSON.parse(stdout.trim().split('\n').at(-1) as string)).toEqual({
      value: 4,
      backend: 'wasm',
      warnings: [],
    });
  });

  it('needs no wasm backend at all', async () => {
    const file = join(folder, 'none.mts');
    await writeFile(
      file,
      [
        TRAIN,
        OURS,
        CORE,
        CPU,
        `await tf.setBackend('cpu'); console.log(step(tf), warnings.length);`,
      ].join('\n'),
    );
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { cwd: root });
    expect(stdout.trim().split('\n').at(-1)).toBe('4 0');
  });
});
