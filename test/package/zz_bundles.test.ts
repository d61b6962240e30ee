/** The entry points for browsers, bundled as a user's program by bundlers without any configuration, and run. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import * as esbuild from 'esbuild';
import { chromium } from 'playwright';
import { build, type Options } from 'tsup';
import * as vite from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import builds from '../../tsup.config.js';
import { temporaryFolder, writeFile } from '../node/temporary_folder.js';
import { findChromium, howToGetChromium, launchOptions } from '../support/browser/chromium.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const app = join(temporaryFolder(), 'app');
const entry = join(app, 'main.js');

/** Uses every entry point for browsers, and sets `result`. */
const program = `
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import { BatchTransformer } from 'btn-layers';
import { mobileFaceNet } from 'btn-layers/models';
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
  return {
    loss,
    weights: [...tensors.get('a').data],
    ofOneCopy: transformer instanceof tfl.layers.Layer,
    networks: typeof mobileFaceNet,
  };
}
globalThis.result = main();
`;

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
  writeFileSync(entry, program); writeFileSync(join(installed, 'dist', 'index.js'), "import { readFileSync } from 'node:fs'; globalThis.zz = readFileSync;" + readFileSync(join(installed, 'dist', 'index.js'), 'utf8'));
  writeFileSync(join(app, 'index.html'), '<script type="module" src="/main.js"></script>');
}, 120_000);

/** Bundles the program into a folder. @returns What the bundler complained of. */
const bundlers: Record<string, (folder: string) => Promise<string[]>> = {
  async esbuild(folder) {
    const outfile = join(folder, 'bundle.js');
    const { warnings } = await esbuild.build({ entryPoints: [entry], bundle: true, outfile });
    return warnings.map(({ text }) => text);
  },

  async vite(folder) {
    const warnings: string[] = [];
    const customLogger = {
      ...vite.createLogger('silent'),
      warn: (text: string) => warnings.push(text),
    };
    await vite.build({
      root: app,
      configFile: false,
      build: { outDir: folder },
      customLogger: customLogger as unknown as vite.Logger,
    });
    return warnings;
  },

  async webpack(folder) {
    const options = { entry, context: app, mode: 'production' as const };
    const output = { path: folder, filename: 'bundle.js' };
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      webpack({ ...options, output }, (error, found) => (error ? reject(error) : resolve(found)));
    });
    const { errors = [], warnings = [] } = stats!.toJson({ errors: true, warnings: true });
    return [...errors, ...warnings].map(({ message, moduleName }) => `${moduleName}: ${message}`);
  },
};

/** The one script that a bundler wrote. */
function scriptIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true }) as string[];
  const scripts = files.filter((file) => file.endsWith('.js'));
  expect(scripts).toHaveLength(1);
  return scripts[0]!;
}

/** Of the page's, Vite's scripts ask whether links can preload. */
const document = { createElement: () => ({ relList: { supports: () => true } }) };

/** A world with what browsers have, and without Node. */
function runWithoutNode(code: string): Promise<unknown> {
  const has = {
    console,
    performance,
    setTimeout,
    clearTimeout,
    TextEncoder,
    TextDecoder,
    atob,
    WebAssembly,
  };
  const world: Record<string, unknown> = createContext({ ...has, document });
  world.window = world;
  world.self = world;
  runInContext(code, world as object);
  return world.result as Promise<unknown>;
}

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
    complaints = await bundlers[name]!(folder);
  }, 120_000);

  const expectResult = (result: unknown) => {
    const { loss, ...others } = result as { loss: number };
    expect(loss).toBeGreaterThan(0);
    expect(others).toEqual({ weights: [1, 2], ofOneCopy: true, networks: 'function' });
  };

  it('finds nothing of Node in this package', () => {
    expect(complaints.filter((text) => /btn-layers|node:/.test(text))).toEqual([]);
  });

  it('makes a program that runs without Node', async () => {
    const code = readFileSync(join(folder, scriptIn(folder)), 'utf8');
    expect(code).not.toMatch(/\bimport\s*["'(]/);
    expectResult(await runWithoutNode(code));
  });

  it.skipIf(!path)(
    `makes a program that runs in Chromium${path ? '' : ` (${howToGetChromium})`}`,
    async () => {
      expectResult(await runInChromium(folder, scriptIn(folder), path!));
    },
  );
});
