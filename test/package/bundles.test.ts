/** The entry points for browsers, bundled as a user's program by bundlers without any configuration, and run. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { build, type Options } from 'tsup';
import { beforeAll, describe, expect, it } from 'vitest';
import * as layers from '../../src/layers/index.js';
import builds from '../../tsup.config.js';
import { temporaryFolder, writeFile } from '../node/temporary_folder.js';
import { findChromium, howToGetChromium, launchOptions } from '../support/browser/chromium.js';
import { bundlers, runWithoutNode, scriptIn } from '../support/bundlers.js';
import { run } from '../support/run.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const app = join(temporaryFolder(), 'app');
const entry = join(app, 'main.js');
const opEntry = join(app, 'op', 'main.js');

/** Uses every entry point for browsers, and sets `result`. */
const program = `
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import { BatchTransformer } from 'btn-layers';
import { mobileFaceNet } from 'btn-layers/models';
import { checkGradients, randomArray } from 'btn-layers/testing';
import { Adam, trainStep } from 'btn-layers/training';
import { readSafetensors, writeSafetensors } from 'btn-layers/weights';

async function main() {
  await tf.setBackend('cpu');
  const image = tfl.input({ shape: [2, 2, 3] });
  const features = tfl.layers.flatten().apply(image);
  const vit = tfl.layers.dense({ units: 3, name: 'vit' }).apply(features);
  const map = () => tfl.layers.reshape({ targetShape: [3, 4] }).apply(tfl.layers.dense({ units: 12 }).apply(features));
  const transformer = new BatchTransformer();
  const [cba, bt] = transformer.apply([map(), map(), vit]);
  const named = (x, name) => tfl.layers.activation({ activation: 'linear', name }).apply(x);
  const model = tfl.model({ inputs: image, outputs: [vit, named(bt, 'bt'), named(cba, 'cba')] });
  const batch = { images: tf.ones([3, 2, 2, 3]), labels: tf.tensor1d([0, 1, 2], 'int32') };
  const { loss } = await trainStep(model, new Adam(), batch, { learningRate: 1e-3, seed: 1 });
  const tensor = { dtype: 'float32', shape: [2], data: new Float32Array([1, 2]) };
  const { tensors } = readSafetensors(writeSafetensors(new Map([['a', tensor]])));
  const { failures } = checkGradients((x) => tf.square(x), [randomArray([3], 1)]);
  return {
    loss,
    failures,
    weights: [...tensors.get('a').data],
    ofOneCopy: transformer instanceof tfl.layers.Layer,
    networks: typeof mobileFaceNet,
  };
}
globalThis.result = main();
`;

/** Uses one op, and says whose kernels are registered. */
const opProgram = `
import * as tf from '@tensorflow/tfjs-core';
import { classBatchAttentionWeights } from 'btn-layers';
const backends = ['Wasm', 'Tensorflow', 'Webgl', 'Webgpu'];
console.log(JSON.stringify({
  op: typeof classBatchAttentionWeights,
  registered: backends.filter((name) => tf.getKernel('BtnLayers' + name + 'Kernels', name.toLowerCase())),
}));
`;

const page = '<script type="module" src="./main.js"></script>';

beforeAll(async () => {
  const installed = join(app, 'node_modules', 'btn-layers');
  mkdirSync(installed, { recursive: true });
  cpSync(join(repository, 'package.json'), join(installed, 'package.json'));
  const esm = (builds as Options[])[0]!;
  await build({ ...esm, config: false, outDir: join(installed, 'dist'), silent: true });
  for (const name of ['@tensorflow', 'fflate', 'pure-rand']) {
    symlinkSync(join(repository, 'node_modules', name), join(app, 'node_modules', name));
  }
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "type": "module", "private": true }');
  writeFileSync(entry, program);
  writeFileSync(join(app, 'index.html'), page);
  writeFile(opEntry, opProgram);
  writeFile(join(app, 'op', 'index.html'), page);
}, 120_000);

const types: Record<string, string> = { '.js': 'text/javascript', '.html': 'text/html' };

/** What the script of a folder makes of `result` in Chromium. */
async function runInChromium(folder: string, script: string, path: string): Promise<unknown> {
  writeFile(join(folder, 'run.html'), `<script type="module" src="/${script}"></script>`);
  const server = createServer(({ url = '' }, response) => {
    response.setHeader('Content-Type', types[extname(url)] ?? 'text/plain');
    response.end(url === '/favicon.ico' ? '' : readFileSync(join(folder, url)));
  }).listen(0);
  const browser = await chromium.launch(launchOptions('wasm', path));
  try {
    const page = await browser.newPage();
    const errors: unknown[] = [];
    page.on('pageerror', (error) => errors.push(error));
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/run.html`);
    const result = await page.evaluate('globalThis.result');
    expect(errors).toEqual([]);
    return result;
  } finally {
    await browser.close();
    server.close();
  }
}

describe.each(Object.keys(bundlers))('%s', (name) => {
  const path = findChromium();
  const folder = join(app, `dist_${name}`);
  let complaints: string[];
  beforeAll(async () => {
    complaints = await bundlers[name]!(entry, folder);
  }, 120_000);

  const expectResult = (result: unknown) => {
    const { loss, ...others } = result as { loss: number };
    expect(loss).toBeGreaterThan(0);
    expect(others).toEqual({
      failures: [],
      weights: [1, 2],
      ofOneCopy: true,
      networks: 'function',
    });
  };

  it('finds nothing of Node in this package', () => {
    expect(complaints.filter((text) => /btn-layers|node:/.test(text))).toEqual([]);
  });

  it('makes a program that runs without Node', async () => {
    const code = readFileSync(join(folder, scriptIn(folder)), 'utf8');
    expect(code).not.toMatch(/\bimport\s*["'(]/);
    expectResult(await runWithoutNode(code));
  });

  it('leaves out the layers that a program does not use, and no kernel', async () => {
    const opFolder = join(app, `op_${name}`);
    await bundlers[name]!(opEntry, opFolder, true);
    const code = readFileSync(join(opFolder, scriptIn(opFolder)), 'utf8');
    const names = Object.values(layers).map(({ className }) => className);
    // The name alone could be an op's kernel.
    const isIn = (text: string) => (name: string) =>
      new RegExp(`className.{1,6}["'\`]${name}["'\`]`).test(text);
    const whole = readFileSync(join(folder, scriptIn(folder)), 'utf8');
    expect(names.filter(isIn(whole))).toContain('BatchTransformer');
    expect(names.filter(isIn(code))).toEqual([]);
    const { stdout } = await run([join(opFolder, scriptIn(opFolder))]);
    expect(JSON.parse(stdout)).toEqual({
      op: 'function',
      registered: ['Wasm', 'Tensorflow', 'Webgl', 'Webgpu'],
    });
  });

  it.skipIf(!path)(
    `makes a program that runs in Chromium${path ? '' : ` (${howToGetChromium})`}`,
    async () => {
      expectResult(await runInChromium(folder, scriptIn(folder), path!));
    },
  );
});
