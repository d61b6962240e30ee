import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import * as root from 'btn-layers';
import * as models from 'btn-layers/models';
import * as node from 'btn-layers/node';
import * as testing from 'btn-layers/testing';
import * as training from 'btn-layers/training';
import * as weights from 'btn-layers/weights';
import { build, type Options } from 'tsup';
import { beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../src/node/versions.js';
import builds from '../../tsup.config.js';
import { drawSmallData } from '../node/small_data.js';
import { temporaryFolder } from '../node/temporary_folder.js';

/** Runs a program; a failing one gives an error that holds its stderr. */
const exec = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();
/** A user's project, with the package as it is published and what it declares to need. */
const app = join(folder, 'app');
const installed = join(app, 'node_modules', 'btn-layers');
const sources = {
  '.': root,
  './models': models,
  './node': node,
  './testing': testing,
  './training': training,
  './weights': weights,
};

interface Manifest {
  version: string;
  exports: Record<string, Record<'import' | 'require', Record<'types' | 'default', string>>>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
  bin: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as Manifest;

beforeAll(async () => {
  const staging = join(folder, 'staging');
  mkdirSync(staging);
  cpSync(join(repository, 'package.json'), join(staging, 'package.json'));
  const all = builds as Options[];
  await Promise.all(
    all.map((options) =>
      build({ ...options, config: false, outDir: join(staging, 'dist'), silent: true }),
    ),
  );
  const pack = ['pack', '--ignore-scripts', '--json', '--offline', '--pack-destination', folder];
  const { stdout } = await exec('npm', pack, { cwd: staging });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  mkdirSync(installed, { recursive: true });
  await exec('tar', ['xzf', join(folder, filename), '-C', installed, '--strip-components', '1']);
  const { dependencies, peerDependencies, peerDependenciesMeta } = manifest;
  const peers = Object.keys(peerDependencies).filter(
    (name) => !peerDependenciesMeta[name]?.optional,
  );
  for (const name of [...Object.keys(dependencies), ...peers]) {
    const link = join(app, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(repository, 'node_modules', name), link);
  }
}, 300_000);

/** Runs a user's program in plain Node; what it prints is JSON. */
async function runProgram<T>(name: string, text: string, ...args: string[]): Promise<T> {
  writeFileSync(join(app, name), text);
  const { stdout, stderr } = await exec(process.execPath, [name, ...args], { cwd: app });
  // A kernel, a gradient or a layer that is registered twice makes TensorFlow.js warn.
  expect(stderr.replace(/=+\nHi, looks like[\s\S]*?=+\n/, '').trim()).toBe('');
  return JSON.parse(stdout) as T;
}

it('has the version that it says of itself', () => {
  expect(version).toBe(manifest.version);
});

it('holds every file that package.json names, and no test or source', () => {
  const named = Object.values(manifest.exports)
    .filter((entry) => typeof entry !== 'string')
    .flatMap((entry) => [entry.import, entry.require])
    .flatMap(({ types, default: code }) => [types, code]);
  for (const path of [...named, ...Object.values(manifest.bin)]) {
    expect(readFileSync(join(installed, path), 'utf8').length).toBeGreaterThan(0);
  }
  const files = readdirSync(installed, { recursive: true }) as string[];
  const strange = files.filter((file) => !/^(dist\b.*|package\.json|\w+\.md|LICENSE)$/.test(file));
  expect(strange).toEqual([]);
});

describe('entry points', () => {
  const names = Object.keys(sources).map((entry) => entry.replace(/^\./, 'btn-layers'));

  it.each(['import', 'require'])(
    'are the same by both ways, in one process, %s first',
    async (first) => {
      const program = `
      import { createRequire } from 'node:module';
      import * as tf from '@tensorflow/tfjs-core';
      const require = createRequire(import.meta.url);
      const ways = { import: (name) => import(name), require: async (name) => require(name) };
      const order = process.argv[2] === 'import' ? ['import', 'require'] : ['require', 'import'];
      const keys = {};
      const loaded = {};
      for (const way of order) {
        for (const name of process.argv.slice(3)) {
          const module = await ways[way](name);
          keys[way + ' ' + name] = Object.keys(module).filter((key) => key !== 'default');
          loaded[way] = { ...loaded[way], ...module };
        }
      }
      await loaded[order[0]].selectBackend();
      const losses = [];
      for (const [one, other] of [order, [...order].reverse()]) {
        const { btn, btnConfig, Adam } = loaded[one];
        const model = btn(btnConfig('tiny', { numClasses: 7, seed: 1 }));
        const images = tf.ones([2, 112, 112, 3]);
        const labels = tf.tensor1d([0, 1], 'int32');
        const options = { learningRate: 1e-3, seed: 1 };
        const step = loaded[other].trainStep(model, new Adam(), { images, labels }, options);
        losses.push((await step).loss);
      }
      console.log(JSON.stringify({ keys, losses }));`;
      const { keys, losses } = await runProgram<{
        keys: Record<string, string[]>;
        losses: number[];
      }>(`both_${first}.mjs`, program, first, ...names);
      for (const [entry, module] of Object.entries(sources)) {
        const expected = Object.keys(module).sort();
        for (const way of ['import', 'require']) {
          const found = keys[`${way} ${entry.replace(/^\./, 'btn-layers')}`]!;
          expect(found.sort()).toEqual(expected);
        }
      }
      expect(losses[0]).toBeGreaterThan(0);
      expect(losses[1]).toBe(losses[0]);
    },
  );

  it.each([
    ['.', 'BatchTransformer', 'ClassBatchAttention', 'ChannelPositionalEncoding'],
    ['.', 'MultiLevelAttention', 'classBatchAttention', 'multiLevelAttention'],
    ['./models', 'btn', 'btnConfig', 'ir50', 'mobileFaceNet'],
    ['./weights', 'readSafetensors', 'writeSafetensors'],
    ['./training', 'trainStep', 'btnLoss', 'exponentialDecay', 'confusionMatrix', 'augment'],
    ['./testing', 'checkGradients', 'checkLayer', 'ndArray', 'randomArray'],
    ['./node', 'train', 'evaluate', 'predict', 'selectBackend', 'imageFolder'],
    ['./node', 'saveCheckpoint', 'loadCheckpoint', 'loadModel', 'saveModel'],
  ] as const)('%s exports what it is for: %s, …', (entry, ...expected) => {
    expect(Object.keys(sources[entry])).toEqual(expect.arrayContaining(expected));
  });

  it('have types that a strict program agrees with, as a module and as CommonJS', async () => {
    const program = `
      import { type LayersModel } from '@tensorflow/tfjs-layers';
      import { BatchTransformer } from 'btn-layers';
      import { btn, btnConfig } from 'btn-layers/models';
      import { train, type TrainResult } from 'btn-layers/node';
      import { type DataType, recipeOf } from 'btn-layers/training';
      import { type StateDict } from 'btn-layers/weights';
      export const layer = new BatchTransformer({ name: 'bt' });
      export const model: LayersModel = btn(btnConfig('tiny', { numClasses: 7 }));
      export const dataType: DataType = 'RAF-DB';
      export const batchSize: number = recipeOf(dataType, 'full').batchSize;
      export const states: StateDict[] = [];
      export const result: Promise<TrainResult> = train({ data: '', out: '' });
      // @ts-expect-error: a preset that there is not; fails if the types are all any.
      export const wrong = train({ preset: 'huge' });`;
    for (const name of ['types.mts', 'types.cts']) writeFileSync(join(app, name), program);
    const flags = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'node16'];
    const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
    const files = ['types.mts', 'types.cts'];
    const { stdout } = await exec(process.execPath, [tsc, ...flags, ...files], { cwd: app }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });
});

describe('a model that was trained here', () => {
  const run = join(folder, 'run');
  const last = join(run, 'last');
  /** Logits of vit, bt and cba. */
  let logits: number[][];

  beforeAll(async () => {
    await node.selectBackend();
    const data = await drawSmallData(join(folder, 'data'));
    await node.train({ data, preset: 'tiny', maxSteps: 1, batchSize: 4, out: run });
    const model = await node.loadModel(last);
    const count = 2 * 112 * 112 * 3;
    const images = tf.reshape(tf.linspace(-2, 2, count), [2, 112, 112, 3]);
    logits = (model.predictOnBatch(images) as tf.Tensor[]).map((t) => [...t.dataSync()]);
    expect(logits.map((values) => values.length)).toEqual([14, 14, 14]);
  });

  it('answers the same in a program of a few lines with TensorFlow.js and this package', async () => {
    const program = `
      import { readFileSync } from 'node:fs';
      import * as tf from '@tensorflow/tfjs-core';
      import { loadLayersModel } from '@tensorflow/tfjs-layers';
      import '@tensorflow/tfjs-backend-wasm';
      import 'btn-layers';
      await tf.setBackend('wasm');
      const read = (name) => readFileSync(process.argv[2] + '/' + name);
      const { modelTopology, weightsManifest } = JSON.parse(read('model.json'));
      const weightData = new Uint8Array(Buffer.concat(weightsManifest[0].paths.map(read))).buffer;
      const weightSpecs = weightsManifest[0].weights;
      const model = await loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
      const images = tf.reshape(tf.linspace(-2, 2, 2 * 112 * 112 * 3), [2, 112, 112, 3]);
      console.log(JSON.stringify(model.predictOnBatch(images).map((t) => [...t.dataSync()])));`;
    expect(await runProgram('esm.mjs', program, last)).toEqual(logits);
  });

  it('answers the same in CommonJS', async () => {
    const program = `
      const tf = require('@tensorflow/tfjs-core');
      const { loadModel, selectBackend } = require('btn-layers/node');
      selectBackend().then(() => loadModel(process.argv[2])).then((model) => {
        const images = tf.reshape(tf.linspace(-2, 2, 2 * 112 * 112 * 3), [2, 112, 112, 3]);
        console.log(JSON.stringify(model.predictOnBatch(images).map((t) => [...t.dataSync()])));
      });`;
    expect(await runProgram('common.cjs', program, last)).toEqual(logits);
  });

  it.each([
    ['threads.mjs', `import { selectBackend, train } from 'btn-layers/node';`],
    ['threads.cjs', `const { selectBackend, train } = require('btn-layers/node');`],
  ])('trains in threads: %s', async (name, imports) => {
    const program = `${imports}
      const [data, out, workers] = process.argv.slice(2);
      const options = { data, out, preset: 'tiny', epochs: 1, batchSize: 7, microBatch: 3 };
      selectBackend()
        .then(() => train({ ...options, workers: Number(workers) }))
        .then(({ log }) => console.log(JSON.stringify(log[0].loss)));`;
    const data = join(folder, 'data');
    const [alone, threads] = await Promise.all(
      ['1', '2'].map((workers) =>
        runProgram(name, program, data, join(app, name + workers), workers),
      ),
    );
    expect(threads).toEqual(alone);
  });

  it('is known to the command that comes with the package', async () => {
    const main = join(installed, manifest.bin['btn-layers']!);
    const picture = join(folder, 'data', 'test', '1', 'test_0.png');
    const args = [main, 'predict', picture, '--checkpoint', run, '--json'];
    const { stdout } = await exec(process.execPath, args, { cwd: app });
    expect(JSON.parse(stdout)).toMatchObject([{ path: picture, label: expect.any(String) }]);
  });
});

describe('a second copy of TensorFlow.js', () => {
  const twice = join(folder, 'twice');
  const modules = join(twice, 'node_modules');

  beforeAll(() => {
    // The package has copies of its own, as where a package manager was told to ignore versions.
    const own = join(modules, 'btn-layers');
    cpSync(installed, own, { recursive: true });
    for (const name of ['tfjs-core/dist/tf-core.node.js', 'tfjs-layers/dist/tf-layers.node.js']) {
      const [from, to] = [join(repository, 'node_modules'), join(own, 'node_modules')].map(
        (parent) => join(parent, '@tensorflow'),
      ) as [string, string];
      cpSync(join(from, name), join(to, name));
      cpSync(
        join(from, dirname(dirname(name)), 'package.json'),
        join(to, dirname(dirname(name)), 'package.json'),
      );
    }
    for (const name of readdirSync(join(repository, 'node_modules'))) {
      if (name === '.bin' || name === 'btn-layers') continue;
      symlinkSync(join(repository, 'node_modules', name), join(modules, name));
    }
  });

  async function errorOf(
    name: string,
    program: string,
  ): Promise<{ code: string; message: string }> {
    writeFileSync(join(twice, name), program);
    const { stdout } = await exec(process.execPath, [name], { cwd: twice });
    return JSON.parse(stdout) as { code: string; message: string };
  }

  const print = 'console.log(JSON.stringify({ code: error.code, message: error.message }));';

  it('is an error where it was loaded before the package', async () => {
    const { code, message } = await errorOf(
      'before.mjs',
      `import '@tensorflow/tfjs-core';
      import('btn-layers').catch((error) => { ${print} });`,
    );
    expect(code).toBe('TensorflowCopies');
    expect(message).toMatch(/another copy.*install one.*npm ls @tensorflow/);
  });

  it('is an error where a layer is given what a layer of the other copy made', async () => {
    const { code, message } = await errorOf(
      'after.cjs',
      `const { BatchTransformer } = require('btn-layers');
      const { input } = require('@tensorflow/tfjs-layers');
      const [map, vit] = [input({ shape: [3, 4] }), input({ shape: [3] })];
      try {
        new BatchTransformer().apply([map, map, vit]);
      } catch (error) { ${print} }`,
    );
    expect(code).toBe('TensorflowCopies');
    expect(message).toMatch(/^BatchTransformer was given .* another copy/);
  });
});
