import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { btn } from '../../../src/models/btn.js';
import { type BtnConfigOptions, btnConfig } from '../../../src/models/config.js';
import { selectBackend } from '../../../src/node/backend.js';
import { evaluate } from '../../../src/node/evaluation/evaluate.js';
import { predict } from '../../../src/node/evaluation/predict.js';
import { loadBtn } from '../../../src/node/models/btn_files.js';
import { convert } from '../../../src/node/models/convert.js';
import { loadModelFiles } from '../../../src/node/models/model_files.js';
import { train } from '../../../src/node/training/train.js';
import { readSafetensors, writeSafetensors } from '../../../src/weights/safetensors.js';
import type { StateDict } from '../../../src/weights/state_dict.js';
import { toStateDict } from '../../../src/weights/to_state_dict.js';
import { drawSmallData } from '../small_data.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const [data, run] = [at('data'), at('run')];
const exported = at('exported.safetensors');
const images = [join(data, 'test', '1', 'test_0.png'), join(data, 'test', '5', 'test_0.png')];

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(data);
  await train({ data, preset: 'tiny', epochs: 1, out: run });
  await convert({ from: run, to: exported });
});

/** Writes the state dict of a fresh tiny network, changed at will. */
async function tinyFile(
  name: string,
  options: Partial<BtnConfigOptions> = {},
  change: (stateDict: StateDict) => StateDict = (stateDict) => stateDict,
): Promise<string> {
  const model = btn(btnConfig('tiny', { numClasses: 7, seed: 5, ...options }));
  const stateDict = change(await toStateDict(model));
  model.dispose();
  return writeFile(at(name), writeSafetensors(stateDict));
}

const renamed = (stateDict: StateDict, rename: (name: string) => string): StateDict =>
  new Map([...stateDict].map(([name, tensor]) => [rename(name), tensor]));

/** Names that another BTN might have. */
const theirs = (name: string) =>
  name.replace(/^mla\./, 'levels.').replace(/^class_(query|key)\./, 'batch.$1.');

async function stateOf(model: LayersModel): Promise<StateDict> {
  const stateDict = await toStateDict(model);
  model.dispose();
  return stateDict;
}

describe('convert', () => {
  it('writes what evaluates and predicts as the run does', async () => {
    const results = [run, exported].map((checkpoint) =>
      evaluate({ data, dataType: 'RAF-DB', checkpoint }),
    );
    const [ofRun, ofFile] = await Promise.all(results);
    expect(ofFile!.matrix).toEqual(ofRun!.matrix);
    const predictions = await Promise.all(
      [run, exported].map(
        async (checkpoint) => (await predict({ checkpoint, images })).predictions,
      ),
    );
    expect(predictions[1]).toEqual(predictions[0]);
  });

  it('goes back to a TensorFlow.js model with the same weights', async () => {
    const back = at('back');
    const { path } = await convert({ from: exported, to: back });
    expect(path).toBe(join(back, 'model.json'));
    const stateDict = await stateOf(await loadModelFiles(back));
    const { tensors } = readSafetensors(readFileSync(exported));
    expect(new Map([...stateDict].sort())).toEqual(new Map([...tensors].sort()));
    const again = await evaluate({ data, dataType: 'RAF-DB', checkpoint: back });
    expect(again.notes).toEqual([]);
  });

  it('keeps every tensor and the metadata from one safetensors file to another', async () => {
    const stateDict: StateDict = new Map([
      ['a', { dtype: 'float16', shape: [2], data: Uint16Array.of(1, 2) }],
      ['b', { dtype: 'int64', shape: [], data: BigInt64Array.of(-3n) }],
    ]);
    const from = writeFile(at('any.safetensors'), writeSafetensors(stateDict, { note: 'kept' }));
    const table = writeFile(at('any.json'), '{"a": "c"}');
    const to = at('deep', 'copy.safetensors');
    await convert({ from, to, rename: table });
    const { tensors, metadata } = readSafetensors(readFileSync(to));
    expect(metadata).toEqual({ format: 'pt', note: 'kept' });
    expect(tensors.get('c')).toEqual(stateDict.get('a'));
    expect(tensors.get('b')).toEqual(stateDict.get('b'));
  });

  it('refuses what it cannot or must not do, before any work', async () => {
    const text = writeFile(at('text.safetensors'), 'no such thing');
    const failure = (from: string, to: string) => messageOf(convert({ from, to }));
    expect(await failure(run, exported)).toMatch(/exported\.safetensors exists already/);
    expect(await failure(exported, run)).toMatch(/run exists already/);
    expect(await failure(run, at('x.pth'))).toMatch(/is only read; write x\.safetensors/);
    expect(await failure(run, at('x'))).toMatch(/is a TensorFlow\.js model already/);
    expect(await failure(exported, at('x.json'))).toMatch(/name the folder/);
    expect(await failure(text, at('x.safetensors'))).toMatch(/cannot read .*: safetensors: /);
    expect(await failure(at('none'), at('x.safetensors'))).toMatch(/none: no such file or folder/);
    expect(existsSync(at('x.safetensors'))).toBe(false);
  });
});

describe('a weights file', () => {
  it('of POSTER V2 gives a network of one output', async () => {
    const posterV2 = { multiLevelAttention: false, batchTransformer: false };
    const file = await tinyFile('poster.safetensors', posterV2);
    const { model, metadata, notes } = await loadBtn(file);
    expect(model.outputNames).toEqual(['vit']);
    expect(metadata).toMatchObject({ preset: 'tiny', dataType: 'RAF-DB' });
    expect(notes).toEqual([expect.stringMatching(/^.*poster\.safetensors: \d+ weights set, \d+ /)]);
    model.dispose();
  });

  it('of POSTER V2 with what tools leave in files is still POSTER V2', async () => {
    const posterV2 = { multiLevelAttention: false, batchTransformer: false };
    const file = await tinyFile('thop.safetensors', posterV2, (dict) => {
      const counted = { dtype: 'float64', shape: [1], data: Float64Array.of(5) } as const;
      return dict.set('conv1.total_ops', counted).set('total_params', counted).set('own', counted);
    });
    const { model, notes } = await loadBtn(file);
    expect(model.outputNames).toEqual(['vit']);
    expect(notes[1]).toMatch(/^warning: 1 name fits nothing: own/);
    model.dispose();
  });

  it('of a BTN with other names loads the rest and says what keeps its initial values', async () => {
    const file = await tinyFile('theirs.safetensors', {}, (dict) => renamed(dict, theirs));
    const tensors = tf.memory().numTensors;
    const { notes } = await evaluate({ data, dataType: 'RAF-DB', checkpoint: file });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(notes).toHaveLength(3);
    expect(notes[1]).toMatch(
      /^warning: mla \(5\), class_query \(2\), class_key \(2\) keep their initial values/,
    );
    expect(notes[2]).toMatch(
      /^warning: 9 names fit nothing: levels \(5\), batch\.query|batch \(4\)/,
    );
    // Random ones, the same each time: a network of zeros would say nothing.
    const { model } = await loadBtn(file);
    const fresh = btn(btnConfig('tiny', { numClasses: 7, seed: 1 }));
    const [found, initial] = [await stateOf(model), await stateOf(fresh)];
    for (const name of ['mla.query.weight', 'mla.query.bias', 'class_key.weight']) {
      expect(found.get(name)).toEqual(initial.get(name));
    }
    expect(found.get('class_query.weight')!.data.some((value) => Number(value) !== 0)).toBe(true);
  });

  it('of other names is mapped by a table', async () => {
    const file = await tinyFile('theirs2.safetensors', {}, (dict) =>
      renamed(dict, theirs).set('ema.weight', dict.get('mla.query.weight')!),
    );
    const table = {
      'ema.*': null,
      'levels.*': 'mla.*',
      'batch.query.*': 'class_query.*',
      'batch.key.*': 'class_key.*',
    };
    const rename = writeFile(at('names.json'), JSON.stringify(table));
    const { model, notes } = await loadBtn(file, { rename });
    expect(notes).toHaveLength(1);
    const original = readSafetensors(readFileSync(await tinyFile('ours.safetensors'))).tensors;
    expect((await stateOf(model)).get('mla.query.weight')).toEqual(
      original.get('mla.query.weight'),
    );
  });

  it('that does not fit is refused in one line, and leaks nothing', async () => {
    const tensors = tf.memory().numTensors;
    const without = (...names: string[]) =>
      tinyFile('bad.safetensors', {}, (dict) => {
        for (const name of names) dict.delete(name);
        return dict;
      });
    const failure = async (file: string, wanted = {}) => messageOf(loadBtn(file, wanted));
    expect(await failure(await without('conv1.weight', 'VIT.norm.bias'))).toMatch(
      /does not fit the network: 2 missing: conv1\.weight, VIT\.norm\.bias$/,
    );
    expect(await failure(await without('VIT.pos_embed'))).toMatch(/not of a BTN or POSTER V2/);
    const nine = await tinyFile('nine.safetensors', { numClasses: 9 });
    expect(await failure(nine)).toMatch(/has 9 classes: the known data sets have 7 or 8/);
    const eight = await tinyFile('eight.safetensors', { numClasses: 8 });
    expect(await failure(eight, { dataType: 'RAF-DB' })).toMatch(/has 8 classes, but RAF-DB has 7/);
    expect(await failure(exported, { preset: 'full' })).toMatch(/has the preset tiny, not full/);
    expect(await failure(run, { rename: 'x' })).toMatch(/--rename is for PyTorch and safetensors/);
    const tables = { 'cut.json': '{', 'list.json': '["a"]', 'idle.json': '{"no.*": "x.*"}' };
    const expected = [/is not JSON/, /is no table of names/, /no name matches no\.\*/];
    for (const [i, [name, text]] of Object.entries(tables).entries()) {
      const rename = writeFile(at(name), text);
      expect(await failure(exported, { rename })).toMatch(expected[i]!);
    }
    const { tensors: own, metadata } = readSafetensors(readFileSync(exported));
    const said = JSON.parse(metadata.btn_layers!);
    said.config.multiLevelAttention = { numHeads: 7 };
    const lied = writeSafetensors(own, { btn_layers: JSON.stringify(said) });
    expect(await failure(writeFile(at('lied.safetensors'), lied))).toMatch(
      /^UserError: cannot use .*lied\.safetensors: .*numHeads 7 must divide the width 64$/,
    );
    expect(await failure(writeFile(at('empty.pth'), ''))).toMatch(
      /^UserError: cannot read .*empty/,
    );
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe('train', () => {
  it('begins a new run with the weights of a file, and says so in its settings', async () => {
    const notes: string[] = [];
    const { folder, stopped } = await train({
      data,
      resume: exported,
      out: at('continued'),
      learningRate: 1e-30,
      maxSteps: 1,
      reporter: { loaded: (note) => notes.push(note) },
    });
    expect(stopped).toBe(true);
    expect(notes[0]).toMatch(/exported\.safetensors: \d+ weights set/);
    const settings = JSON.parse(readFileSync(folder.config, 'utf8'));
    expect(settings).toMatchObject({
      preset: 'tiny',
      dataType: 'RAF-DB',
      initialWeights: exported,
    });
    const stateDict = await stateOf(await loadModelFiles(folder.last));
    const { tensors } = readSafetensors(readFileSync(exported));
    expect(stateDict.get('conv1.weight')).toEqual(tensors.get('conv1.weight'));
  });

  it('takes the backbones of other files', async () => {
    const backbone = await tinyFile(
      'backbone.safetensors',
      {},
      (dict) =>
        new Map(
          [...dict]
            .filter(([name]) => name.startsWith('ir_back.'))
            .map(([name, tensor]) => [name.slice('ir_back.'.length), tensor]),
        ),
    );
    const whole = await tinyFile('whole.safetensors');
    const { folder } = await train({
      data,
      preset: 'tiny',
      pretrainedIr50: backbone,
      pretrainedMobilefacenet: whole,
      out: at('pretrained'),
      learningRate: 1e-30,
      maxSteps: 1,
    });
    const stateDict = await stateOf(await loadModelFiles(folder.last));
    const given = readSafetensors(readFileSync(whole)).tensors;
    for (const name of ['ir_back.body2.0.res_layer.1.weight', 'face_landback.conv1.conv.weight']) {
      expect(stateDict.get(name)).toEqual(given.get(name));
    }
    expect(stateDict.get('conv1.weight')).not.toEqual(given.get('conv1.weight'));
  });

  it('refuses backbones that do not fit, and leaves nothing behind', async () => {
    const tensors = tf.memory().numTensors;
    const out = at('refused');
    const options = { data, preset: 'tiny', out } as const;
    const failure = (more: object) => messageOf(train({ ...options, ...more }));
    const other = writeFile(
      at('other.safetensors'),
      writeSafetensors(
        new Map([['a', { dtype: 'float32', shape: [1], data: Float32Array.of(1) }]]),
      ),
    );
    expect(await failure({ pretrainedIr50: other })).toMatch(
      /does not fit the backbone ir_back: \d+ missing/,
    );
    expect(await failure({ pretrainedIr50: at('none.pth') })).toMatch(/none\.pth: no such file/);
    expect(await failure({ resume: run, pretrainedIr50: other })).toMatch(/is for a new run/);
    expect(existsSync(out)).toBe(false);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});
