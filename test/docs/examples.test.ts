/** Every `@example` of a docstring in src/ runs as it stands, with what its program would have before it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as root from 'btn-layers';
import * as models from 'btn-layers/models';
import * as node from 'btn-layers/node';
import * as testing from 'btn-layers/testing';
import * as training from 'btn-layers/training';
import * as weights from 'btn-layers/weights';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
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

beforeAll(async () => {
  await node.selectBackend();
  const data = await drawSmallData(join(folder, 'raf-db'));
  const model = models.btn(models.btnConfig('tiny', { numClasses: 7, seed: 1 }));
  const torchFile = readFileSync(join(repository, 'test/fixtures/torch/legacy_small.pth'));
  const map = () => tfl.input({ shape: [7, 16] });
  const level = (tokens: number) => tfl.input({ shape: [tokens, 32] });
  given = {
    ...{ tf, loadLayersModel: tfl.loadLayersModel, ...root, ...models, ...training, ...weights },
    ...{ ...node, ...testing },
    ...{
      model,
      images: tf.randomNormal([2, 112, 112, 3], 0, 1, 'float32', 1),
      query: map(),
      key: map(),
    },
    ...{ value: tfl.input({ shape: [7] }), logits: tfl.input({ shape: [7] }) },
    ...{ a: level(49), b: level(49), c: level(16) },
    ...{ bytes: new Uint8Array(torchFile), file: new Blob([torchFile]) },
    url: await handlerOf(model),
    LayerNorm: root.BtnLayerNorm,
    imageFolder: (_: string, ...rest: [training.DataType]) => node.imageFolder(data, ...rest),
    console: { log: vi.fn() },
  };
});

afterAll(() => tf.disposeVariables());

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

async function runExample(code: string): Promise<void> {
  const { code: plain } = await transform(code, { loader: 'ts', target: 'es2022' });
  // A block of its own, for the names that it declares anew.
  const run = new Function(...Object.keys(given), `return (async () => {\n${plain}\n})();`);
  await run(...Object.values(given));
}

describe('examples in docstrings', () => {
  it('are of all that most programs begin with', () => {
    const names = examples.map(({ name }) => name);
    const first = [
      ...['BatchTransformer', 'ClassBatchAttention', 'ChannelPositionalEncoding'],
      ...['MultiLevelAttention', 'classBatchAttention', 'multiLevelAttention', 'BtnError'],
      ...['channelPositionalEncoding', 'scaledDotProductAttention', 'btn', 'btnConfig'],
      ...['trainStep', 'btnLoss', 'Sam', 'loadTorchCheckpoint', 'applyStateDict', 'imageFolder'],
    ];
    expect(names).toEqual(expect.arrayContaining(first));
    const written = sources.map((path) => readFileSync(join(repository, 'src', path), 'utf8'));
    expect(names.length).toBe(written.join('').match(/@example/g)!.length);
  });

  it.each(examples)('$name', ({ code }) => runExample(code));
});
