import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../src/node/backend.js';
import { type LoadedBtn, loadBtn } from '../../src/node/models/btn_files.js';
import { convert } from '../../src/node/models/convert.js';
import { train } from '../../src/node/training/train.js';
import { drawSmallData } from '../node/small_data.js';
import { temporaryFolder } from '../node/temporary_folder.js';
import { goldenImages } from '../support/golden_networks.js';

/** A Python with scripts/goldens/requirements.txt. */
const python = process.env.BTN_LAYERS_PYTHON;
const title = 'a model that was trained here, in PyTorch';
/** Skipped where there is none: Python and torch are not of the npm registry. */
const suite = python ? describe : describe.skip;

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const script = fileURLToPath(new URL('../../scripts/goldens/check_export.py', import.meta.url));
const batch = 3;

type Logits = Record<'vit' | 'bt' | 'cba', number[][]>;

function inPyTorch(model: string, out: string): Logits {
  const { stdout, stderr, status } = spawnSync(python!, [script, model, `${batch}`, out], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Logits;
}

/** Frees the model. */
function logitsOf({ model, metadata }: LoadedBtn): Logits {
  const logits = tf.tidy(() => {
    const outputs = model.predictOnBatch(goldenImages(batch, metadata.config)) as tf.Tensor2D[];
    return outputs.map((output) => output.arraySync());
  });
  model.dispose();
  const [vit, bt, cba] = logits as [number[][], number[][], number[][]];
  return { vit, bt, cba };
}

/** Of the largest logit. */
function relativeError(found: Logits, expected: Logits): number {
  const flat = (logits: Logits) => Object.values(logits).flat(2);
  const largest = Math.max(...flat(expected).map(Math.abs));
  return Math.max(...flat(found).map((value, i) => Math.abs(value - flat(expected)[i]!))) / largest;
}

suite(python ? title : `${title} (BTN_LAYERS_PYTHON names no Python with torch)`, () => {
  beforeAll(async () => {
    await selectBackend();
    await drawSmallData(at('data'), { trainPerClass: 2 });
    await train({ data: at('data'), preset: 'tiny', epochs: 2, batchSize: 7, out: at('run') });
    await convert({ from: at('run'), to: at('model.safetensors') });
  });

  it('loads strictly, gives the same logits, and comes back as a .pth', async () => {
    const expected = logitsOf(await loadBtn(at('run')));
    const found = inPyTorch(at('model.safetensors'), at('back.pth'));
    expect(relativeError(found, expected)).toBeLessThan(1e-5);

    const back = await loadBtn(at('back.pth'));
    expect(back.notes).toEqual([expect.stringMatching(/^.*back\.pth: \d+ weights set, \d+ that/)]);
    expect(logitsOf(back)).toEqual(expected);
  });
});
