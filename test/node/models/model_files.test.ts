import { promises as fs, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {
  input,
  type LayersModel,
  layers,
  model as makeModel,
  type SymbolicTensor,
} from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadModelFiles, saveModelFiles } from '../../../src/node/models/model_files.js';
import { UserError } from '../../../src/node/user_error.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
let count = 0;
let dir: string;

beforeAll(async () => {
  await tf.setBackend('cpu');
});
beforeEach(() => {
  count += 1;
  dir = join(folder, String(count));
});
afterEach(() => vi.restoreAllMocks());

/** Two inputs, two named outputs, and weights of `units * 3` and `units` elements. */
function smallModel(units = 4): LayersModel {
  const x = input({ shape: [3] });
  const hidden = layers.dense({ units, activation: 'relu', name: 'hidden' }).apply(x);
  const norm = layers.batchNormalization({ name: 'norm' }).apply(hidden);
  const a = layers.dense({ units: 2, name: 'a' }).apply(norm) as SymbolicTensor;
  const b = layers.dense({ units: 1, name: 'b' }).apply(norm) as SymbolicTensor;
  return makeModel({ inputs: x, outputs: [a, b], name: 'small' });
}

function outputs(model: LayersModel): number[][] {
  return tf.tidy(() => {
    const predicted = model.predict(tf.tensor2d([[1, -2, 3]])) as tf.Tensor[];
    return predicted.map((tensor) => [...tensor.dataSync()]);
  });
}

function readJson() {
  return JSON.parse(readFileSync(join(dir, 'model.json'), 'utf8'));
}

function changeJson(change: (json: ReturnType<typeof readJson>) => unknown): void {
  const json = readJson();
  writeFileSync(join(dir, 'model.json'), JSON.stringify(change(json) ?? json));
}

function weightFiles(): string[] {
  return readdirSync(dir).filter((name) => name !== 'model.json');
}

describe('saveModelFiles and loadModelFiles', () => {
  it('bring back the same model, from its folder or its model.json', async () => {
    const model = smallModel();
    const path = await saveModelFiles(model, join(dir, 'new/folder'));
    expect(path).toBe(join(dir, 'new/folder/model.json'));
    for (const from of [path, join(dir, 'new/folder')]) {
      const loaded = await loadModelFiles(from);
      expect(outputs(loaded)).toEqual(outputs(model));
      expect(loaded.outputNames).toEqual(model.outputNames);
    }
  });

  it('keep the metadata', async () => {
    const model = smallModel();
    const metadata = { dataType: 'RAF-DB', classNames: ['a', 'b'], note: 'é "quoted"', best: null };
    model.setUserDefinedMetadata(metadata);
    await saveModelFiles(model, dir);
    expect((await loadModelFiles(dir)).getUserDefinedMetadata()).toEqual(metadata);
  });

  it('split weights into files of 4 MiB', async () => {
    const model = smallModel(300_000);
    await saveModelFiles(model, dir);
    expect(weightFiles()).toHaveLength(4);
    expect(outputs(await loadModelFiles(dir))).toEqual(outputs(model));
  });

  it('save a model without weights', async () => {
    const x = input({ shape: [2, 3] });
    await saveModelFiles(
      makeModel({ inputs: x, outputs: layers.flatten().apply(x) as SymbolicTensor }),
      dir,
    );
    expect(weightFiles()).toEqual([]);
    expect((await loadModelFiles(dir)).countParams()).toBe(0);
  });

  it('save a compiled model without its optimizer', async () => {
    const model = smallModel();
    model.compile({ optimizer: 'adam', loss: () => tf.scalar(0) });
    await saveModelFiles(model, dir);
    expect(outputs(await loadModelFiles(dir))).toEqual(outputs(model));
  });

  it('leak no tensors', async () => {
    const model = smallModel();
    const before = tf.memory().numTensors;
    await saveModelFiles(model, dir);
    expect(tf.memory().numTensors).toBe(before);
    const loaded = await loadModelFiles(dir);
    loaded.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('read groups and shards written by TensorFlow.js', async () => {
    const model = smallModel();
    await saveModelFiles(model, dir);
    const bytes = readFileSync(join(dir, weightFiles()[0]!));
    writeFile(join(dir, 'group1-shard1of2.bin'), bytes.subarray(0, 10));
    writeFile(join(dir, 'sub/group1-shard2of2.bin'), bytes.subarray(10));
    changeJson((json) => {
      json.weightsManifest[0].paths = ['./group1-shard1of2.bin', 'sub/group1-shard2of2.bin'];
    });
    expect(outputs(await loadModelFiles(dir))).toEqual(outputs(model));
  });
});

describe('saveModelFiles over an earlier model', () => {
  it('replaces it and deletes its weights, but no other files', async () => {
    await saveModelFiles(smallModel(), dir);
    writeFile(join(dir, 'README.md'));
    writeFile(join(dir, 'model.json.0123456789ab.tmp'));
    const model = smallModel();
    await saveModelFiles(model, dir);
    expect(weightFiles()).toHaveLength(2);
    expect(weightFiles()).toContain('README.md');
    expect(outputs(await loadModelFiles(dir))).toEqual(outputs(model));
  });

  it.each(['weights', 'model.json'])('keeps it whole if writing %s fails', async (part) => {
    const model = smallModel();
    await saveModelFiles(model, dir);
    const before = readdirSync(dir);
    const rename = fs.rename;
    vi.spyOn(fs, 'rename').mockImplementation(async (from, to) => {
      if (String(to).includes(part)) throw Object.assign(new Error('no'), { code: 'ENOSPC' });
      return rename(from, to);
    });
    expect(await messageOf(saveModelFiles(smallModel(), dir))).toMatch(
      /^UserError: cannot write .*: the disk is full$/,
    );
    expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(before));
    expect(outputs(await loadModelFiles(dir))).toEqual(outputs(model));
  });

  it('says when a folder cannot be made', async () => {
    const file = writeFile(join(dir, 'file'));
    expect(await messageOf(saveModelFiles(smallModel(), join(file, 'model')))).toMatch(
      /UserError: cannot write .*part of the path is a file/,
    );
  });

  it.skipIf(process.getuid?.() === 0)('says when it may not write', async () => {
    mkdirSync(dir, { mode: 0o500 });
    expect(await messageOf(saveModelFiles(smallModel(), dir))).toMatch(/permission denied/);
  });
});

describe('loadModelFiles refuses', () => {
  beforeEach(() => saveModelFiles(smallModel(), dir));

  async function failure(): Promise<string> {
    const message = await messageOf(loadModelFiles(dir));
    expect(message).toMatch(/^UserError: /);
    expect(message).not.toContain('\n');
    return message;
  }

  it('a path where nothing is', async () => {
    dir = join(dir, 'nothing');
    expect(await failure()).toMatch(/cannot read the model .*nothing: no such file/);
    mkdirSync(dir);
    expect(await failure()).toMatch(/cannot read the model file .*model\.json: no such file/);
  });

  it.each([
    ['', /it is not JSON/],
    ['{"modelTopology": ', /it is not JSON/],
    [Buffer.from([0xff, 0xfe, 0, 1]), /it is not JSON/],
    ['[]', /it does not hold a JSON object/],
    ['null', /it does not hold a JSON object/],
    ['{}', /it has no "modelTopology"/],
    ['{"modelTopology": {}}', /it has no "weightsManifest"/],
    ['{"format": "graph-model", "modelTopology": {}}', /is a graph model: convert it/],
    ['{"modelTopology": {}, "weightsManifest": [{}]}', /each group of "weightsManifest" needs/],
    ['{"modelTopology": {}, "weightsManifest": []}', /is not a usable layers model/],
  ])('model.json holding %j', async (content, reason) => {
    writeFile(join(dir, 'model.json'), content);
    expect(await failure()).toMatch(reason);
  });

  it('weights that are missing or of the wrong length', async () => {
    const weights = join(dir, weightFiles()[0]!);
    const bytes = readFileSync(weights);
    for (const wrong of [bytes.subarray(1), Buffer.concat([bytes, bytes]), bytes.subarray(0, 0)]) {
      writeFile(weights, wrong);
      expect(await failure()).toMatch(
        /its weights \(weights-\w+-1of1\.bin\) hold \d+ bytes where 188/,
      );
    }
    await fs.rm(weights);
    expect(await failure()).toMatch(
      /cannot read the weights file .*copy it along with model\.json/,
    );
  });

  it.each([
    '../secret.bin',
    '/etc/passwd',
    'a/../../b',
    'C:\\x',
    '..\\x',
    'file:///x',
    '',
    'a//b',
    'x\0y',
  ])('the weights path %j', async (path) => {
    writeFile(join(folder, 'secret.bin'), new Uint8Array(188));
    changeJson((json) => {
      json.weightsManifest[0].paths = [path];
    });
    expect(await failure()).toMatch(/which is not inside its folder: refused/);
  });

  it.each([
    ['an unknown dtype', { dtype: 'float99' }, /weight hidden\/kernel has the dtype "float99"/],
    ['text', { dtype: 'string' }, /weight hidden\/kernel has the dtype "string"/],
    ['a negative size', { shape: [-3, 4] }, /each weight needs a "name" and a "shape"/],
    ['no name', { name: 7 }, /each weight needs a "name" and a "shape"/],
    ['another shape', { shape: [4, 3] }, /is not a usable layers model/],
    ['another name', { name: 'other' }, /is not a usable layers model/],
    ['a huge shape', { shape: [1e9, 1e9] }, /bytes where \d/],
  ])('weights with %s', async (_, change, reason) => {
    changeJson((json) => {
      Object.assign(json.weightsManifest[0].weights[0], change);
    });
    expect(await failure()).toMatch(reason);
  });

  it('layers that are not known', async () => {
    changeJson((json) => JSON.parse(JSON.stringify(json).replaceAll('"Dense"', '"Missing"')));
    expect(await failure()).toMatch(
      /model: no layer named Missing is known: import what registers it first$/,
    );
  });

  it('is a UserError with the cause', async () => {
    writeFile(join(dir, 'model.json'), '{');
    const error = await loadModelFiles(dir).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).cause).toBeInstanceOf(SyntaxError);
  });
});
