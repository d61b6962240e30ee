/** Every `@example` of a docstring in src/ runs as it stands, with what its program would have before it, and prints what it says. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as root from 'btn-layers';
import * as models from 'btn-layers/models';
import * as node from 'btn-layers/node';
import * as testing from 'btn-layers/testing';
import * as training from 'btn-layers/training';
import * as weights from 'btn-layers/weights';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawSmallData } from '../node/small_data.js';
import { temporaryFolder } from '../node/temporary_folder.js';
import { root as repository } from '../support/run.js';

interface Example {
  /** What the docstring is of. */
  name: string;
  code: string;
}

/** An example ends with its docstring, or where `Source:` or `Provenance:` begin. */
const pattern =
  /^ \* @example\n((?:(?! \*\/| \* (?:Source|Provenance):) \*.*\n)+)[\s\S]*?^ \*\/\n(?:export )?(?:async |abstract )?\w+ (\w+)/gm;

function examplesIn(path: string): Example[] {
  const text = readFileSync(join(repository, 'src', path), 'utf8');
  return [...text.matchAll(pattern)].map(([, lines, name]) => ({
    name: name!,
    code: lines!.replaceAll(/^ \* ?/gm, ''),
  }));
}

const files = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' });
const sources = files.filter((path) => path.endsWith('.ts')).sort();
const examples = sources.flatMap(examplesIn);

/** Names that an example may take for granted. */
let given: Record<string, unknown>;
const folder = temporaryFolder();
const start = process.cwd();

beforeAll(async () => {
  await node.selectBackend();
  // Files that examples name lie here.
  process.chdir(folder);
  await drawSmallData('raf-db');
  copyFileSync(join(repository, 'test/fixtures/torch/legacy_training.pth'), 'checkpoint.pth');
  await node.train({ data: 'raf-db', preset: 'tiny', epochs: 1, out: 'runs/tiny' });
  const model = models.btn(models.btnConfig('tiny', { numClasses: 7, seed: 1 }));
  given = {
    ...{ tf, tfl, readdir, readFile, writeFile, otherCopy: secondCopyOfLayers() },
    ...{ ...root, ...models, ...training, ...weights, ...node, ...testing },
    ...{ model, url: await handlerOf(model) },
    images: tf.randomNormal([2, 112, 112, 3], 0, 1, 'float32', 1),
  };
});

afterAll(() => {
  process.chdir(start);
  tf.disposeVariables();
});

/** The engine, which all copies share, goes on to make models of the layers of the first. */
function secondCopyOfLayers(): typeof tfl {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const ofFirst = { ...classNameMap };
  const require = createRequire(import.meta.url);
  delete require.cache[require.resolve('@tensorflow/tfjs-layers')];
  const copy = require('@tensorflow/tfjs-layers');
  Object.assign(classNameMap, ofFirst);
  return copy;
}

/** A model as if it lay on a server. */
async function handlerOf(model: tfl.LayersModel): Promise<tf.io.IOHandler> {
  let artifacts: tf.io.ModelArtifacts;
  const modelArtifactsInfo = { dateSaved: new Date(0), modelTopologyType: 'JSON' as const };
  await model.save({
    async save(saved) {
      artifacts = saved;
      return { modelArtifactsInfo };
    },
  });
  return { load: async () => artifacts };
}

/** @returns what it prints, as Node's console would. */
async function runExample(code: string): Promise<string> {
  const printed: string[] = [];
  const console = { log: (...values: unknown[]) => printed.push(format(...values)) };
  const names = { ...given, console };
  const { code: plain } = await transform(code, { loader: 'ts', target: 'es2022' });
  // A block of its own, for the names that it declares anew.
  const run = new Function(...Object.keys(names), `return (async () => {\n${plain}\n})();`);
  await run(...Object.values(names));
  return printed.join('\n');
}

/** What an example says that it prints: the comment behind a `console.log(…)`, or the lines of comment below it. */
function statedOutput(code: string): string {
  const prints = code.matchAll(/console\.log\(.*?(?: \/\/ (.*)|((?:\n *\/\/ .*)+)|)$/gm);
  return [...prints]
    .map(([, behind, below = '']) => behind ?? below.replaceAll(/^\n? *\/\/ /gm, ''))
    .join('\n');
}

/** What a module exports, by the names that are declared: a function keeps its own under an alias. */
function declaredNames(module: object): string[] {
  return Object.entries(module).map(([name, value]) =>
    typeof value === 'function' ? (value as { name: string }).name : name,
  );
}

describe('examples in docstrings', () => {
  const names = examples.map(({ name }) => name);

  it.each(Object.entries({ root, models, training, weights, node, testing }))(
    'are of every function, class and constant of %s',
    (_, module) => {
      expect(declaredNames(module).filter((name) => !names.includes(name))).toEqual([]);
    },
  );

  it('are all found', () => {
    const written = sources.map((path) => readFileSync(join(repository, 'src', path), 'utf8'));
    expect(names.length).toBe(written.join('').match(/@example/g)!.length);
  });

  it.each(examples)('$name', async ({ code }) => {
    const stated = statedOutput(code);
    expect(stated).not.toBe('');
    expect(await runExample(code)).toBe(stated);
  });
});
