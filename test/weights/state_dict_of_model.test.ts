import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import '../../src/index.js';
import { btn } from '../../src/models/btn.js';
import { btnConfig } from '../../src/models/config.js';
import { applyStateDict, StateDictError } from '../../src/weights/apply_state_dict.js';
import type { StateDict } from '../../src/weights/state_dict.js';
import { toStateDict } from '../../src/weights/to_state_dict.js';
import { useBackend } from '../support/backends.js';

interface Listed {
  shape: string;
  dtype: string;
  role: string;
}

/** Every name of a POSTER V2 state dict with 7 classes. */
const published = new Map(
  readFileSync(new URL('../fixtures/poster_v2_state_dict.tsv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line): [string, Listed] => {
      const [name, shape, dtype, role] = line.split('\t') as [string, string, string, string];
      return [name, { shape, dtype, role }];
    }),
);

const unusedModules = ['ir_back.output_layer.', 'face_landback.output_layer.'];

/** A state dict of the published names, each tensor filled with its number. */
function publishedStateDict(): StateDict {
  const stateDict: StateDict = new Map();
  for (const [name, { shape, dtype }] of published) {
    const sizes = shape === 'scalar' ? [] : shape.split('x').map(Number);
    const count = sizes.reduce((product, size) => product * size, 1);
    stateDict.set(
      name,
      dtype === 'int64'
        ? { dtype: 'int64', shape: sizes, data: new BigInt64Array(count) }
        : { dtype: 'float32', shape: sizes, data: new Float32Array(count).fill(stateDict.size) },
    );
  }
  return stateDict;
}

describe('the state dict of POSTER V2', () => {
  useBackend('cpu');
  let model: tfl.LayersModel;
  beforeAll(() => {
    const off = { multiLevelAttention: false, batchTransformer: false } as const;
    model = btn(btnConfig('full', { numClasses: 7, ...off }));
  });
  afterAll(() => {
    model.dispose();
  });

  it('has the published names, shapes and dtypes', async () => {
    const exported = await toStateDict(model);
    const found = [...exported].map(([name, { shape, dtype }]) => [
      name,
      shape.length === 0 ? 'scalar' : shape.join('x'),
      dtype,
    ]);
    const expected = [...published]
      .filter(([, { role }]) => role !== 'unused')
      .filter(([name]) => !unusedModules.some((module) => name.startsWith(module)))
      .map(([name, { shape, dtype }]) => [name, shape, dtype]);
    expect(found.sort()).toEqual(expected.sort());
  });

  it('is filled from the published names, and knows those without influence', async () => {
    const stateDict = publishedStateDict();
    const tensors = tf.memory().numTensors;
    const report = applyStateDict(model, stateDict);
    expect(tf.memory().numTensors).toBe(tensors);
    const roles = (names: string[]) => new Set(names.map((name) => published.get(name)!.role));
    expect(report.matched.filter((name) => published.get(name)!.role === 'used')).toHaveLength(429);
    expect(roles(report.ignored)).toEqual(new Set(['unused', 'buffer']));
    expect({ ...report, matched: [], ignored: [] }).toEqual({
      matched: [],
      ignored: [],
      missing: [],
      unexpected: [],
      mismatched: [],
    });
    const exported = await toStateDict(model);
    for (const name of report.matched) {
      const values = exported.get(name)!.data as Float32Array;
      const expected = stateDict.get(name)!.data[0] as number;
      if (!values.every((value) => value === expected)) expect.fail(name);
    }
  });
});

describe('applyStateDict', () => {
  useBackend('cpu');
  const seeded = (seed: number, numClasses = 7) => btn(btnConfig('tiny', { numClasses, seed }));

  it('carries a BTN over to another one exactly', async () => {
    const [from, to] = [seeded(1), seeded(2)];
    const images = tf.randomUniform([2, 112, 112, 3], -1, 1, 'float32', 3);
    const report = applyStateDict(to, await toStateDict(from));
    expect(report.missing).toEqual([]);
    const [expected, found] = [from, to].map((model) =>
      (model.predictOnBatch(images) as tf.Tensor[]).map((output) => output.dataSync()),
    );
    expect(found).toEqual(expected);
    from.dispose();
    to.dispose();
    images.dispose();
  });

  it('changes nothing when strict and anything differs, and lists it', async () => {
    const model = seeded(1);
    const stateDict = await toStateDict(seeded(2, 8));
    stateDict.delete('conv1.weight');
    stateDict.set('attention.q.weight', stateDict.get('conv2.weight')!);
    const before = await toStateDict(model);
    const apply = () => applyStateDict(model, stateDict);
    expect(apply).toThrow(StateDictError);
    expect(apply).toThrow(
      /1 missing: conv1\.weight; 1 unexpected: attention\.q\.weight; 6 of another shape: class_query\.weight \[8,64\] instead of \[7,64\], /,
    );
    expect(await toStateDict(model)).toEqual(before);

    const report = applyStateDict(model, stateDict, { strict: false });
    expect(report.missing).toEqual(['conv1.weight']);
    expect(report.unexpected).toEqual(['attention.q.weight']);
    expect(report.mismatched.map(({ name }) => name)).toContain('class_key.bias');
    const after = await toStateDict(model);
    expect(after.get('conv1.weight')).toEqual(before.get('conv1.weight'));
    expect(after.get('VIT.head.linear.bias')).toEqual(before.get('VIT.head.linear.bias'));
    expect(after.get('conv2.weight')).toEqual(stateDict.get('conv2.weight'));
    model.dispose();
  });

  it('fills one module from a file of its own', async () => {
    const model = seeded(1);
    const before = await toStateDict(model);
    const backbone: StateDict = new Map(
      [...(await toStateDict(seeded(2)))]
        .filter(([name]) => name.startsWith('ir_back.'))
        .map(([name, tensor]) => [name.slice('ir_back.'.length), tensor]),
    );
    const report = applyStateDict(model, backbone, { module: 'ir_back' });
    expect(report.missing).toEqual([]);
    const after = await toStateDict(model);
    expect(after.get('ir_back.body1.0.res_layer.1.weight')).toEqual(
      backbone.get('body1.0.res_layer.1.weight'),
    );
    expect(after.get('conv1.weight')).toEqual(before.get('conv1.weight'));
    model.dispose();
  });

  it('serves a model of the layers of others too', async () => {
    const build = () =>
      tfl.sequential({
        layers: [
          tfl.layers.dense({ name: 'fc', units: 3, inputShape: [2] }),
          tfl.layers.batchNormalization({ name: 'bn' }),
        ],
      });
    const [from, to] = [build(), build()];
    const stateDict = await toStateDict(from);
    expect(stateDict.get('fc.weight')!.shape).toEqual([3, 2]);
    applyStateDict(to, stateDict);
    expect(await toStateDict(to)).toEqual(stateDict);
    from.dispose();
    to.dispose();
  });
});
