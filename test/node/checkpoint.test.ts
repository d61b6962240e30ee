import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selectBackend } from '../../src/node/backend.js';
import { disposeState, loadCheckpoint, saveCheckpoint } from '../../src/node/checkpoint.js';
import { evaluate } from '../../src/node/evaluate.js';
import { saveModelFiles } from '../../src/node/model_files.js';
import { train } from '../../src/node/train.js';
import { Adam } from '../../src/training/adam.js';
import { readSafetensors, writeSafetensors } from '../../src/weights/safetensors.js';
import { drawSmallData } from './small_data.js';
import { messageOf, temporaryFolder, writeFile } from './temporary_folder.js';

const folder = temporaryFolder();
const data = join(folder, 'data');
let count = 0;
let run: string;
let last: string;

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(data);
  await train({ data, preset: 'tiny', maxSteps: 1, batchSize: 4, out: join(folder, 'run') });
});

/** Each test has a copy of the run to damage. */
beforeEach(() => {
  run = join(folder, String(++count));
  last = join(run, 'last');
  cpSync(join(folder, 'run'), run, { recursive: true });
});

/** The message of a resume that fails; it loads everything before it changes anything. */
async function failure(): Promise<string> {
  const before = tf.memory().numTensors;
  const files = readdirSync(run, { recursive: true });
  const message = await messageOf(train({ resume: run }));
  expect(message).toMatch(/^UserError: /);
  expect(message).not.toContain('\n');
  expect(tf.memory().numTensors).toBe(before);
  expect(readdirSync(run, { recursive: true })).toEqual(files);
  return message;
}

function cut(name: string, bytes: number): void {
  const path = join(last, name);
  writeFileSync(path, readFileSync(path).subarray(0, bytes));
}

function weightsFile(): string {
  return readdirSync(last).find((name) => name.endsWith('.bin'))!;
}

describe('a damaged checkpoint is named:', () => {
  it('progress.json', async () => {
    cut('progress.json', 50);
    expect(await failure()).toMatch(/last.progress\.json is damaged: .*JSON/);
    for (const other of ['null', '[]', '{}', '{"epoch": -1, "position": 0}']) {
      writeFileSync(join(last, 'progress.json'), other);
      expect(await failure()).toMatch(/progress\.json is damaged: it does not say where a run st/);
    }
  });

  it('optimizer.safetensors', async () => {
    const path = join(last, 'optimizer.safetensors');
    const { tensors } = readSafetensors(readFileSync(path));
    cut('optimizer.safetensors', 100_000);
    expect(await failure()).toMatch(/optimizer\.safetensors is damaged: /);
    writeFileSync(path, '');
    expect(await failure()).toMatch(/optimizer\.safetensors is damaged: /);
    writeFileSync(path, writeSafetensors(tensors, {}));
    expect(await failure()).toMatch(/is damaged: it does not say how many steps were taken/);
    const [name] = [...tensors.keys()].filter((key) => key.startsWith('second/'));
    const without = new Map([...tensors].filter(([key]) => key !== name));
    writeFileSync(path, writeSafetensors(without, { step: '1' }));
    expect(await failure()).toMatch(/is damaged: it has no float32 tensor second\//);
  });

  it('optimizer.safetensors of another model', async () => {
    const path = join(last, 'optimizer.safetensors');
    const { tensors } = readSafetensors(readFileSync(path));
    const name = [...tensors.keys()][0]!.replace(/^\w+\//, '');
    const renamed = new Map(
      [...tensors].map(([key, tensor]) => [key.replace(name, 'unheard_of'), tensor]),
    );
    writeFileSync(path, writeSafetensors(renamed, { step: '1' }));
    expect(await failure()).toMatch(/is of another model: it has nothing for /);
    const moment = { dtype: 'float32', shape: [2], data: new Float32Array(2) } as const;
    const more = new Map([...tensors, ['first/more', moment], ['second/more', moment]] as const);
    writeFileSync(path, writeSafetensors(more, { step: '1' }));
    expect(await failure()).toMatch(
      /is of another model: it has .* more.*, which the model has not/,
    );
  });

  it('the weights', async () => {
    const name = weightsFile();
    cut(name, 1000);
    expect(await failure()).toMatch(/its weights \(.*\) hold 1000 bytes where \d+ are expected/);
    rmSync(join(last, name));
    expect(await failure()).toMatch(
      /cannot read the weights file .*: no such file or folder; copy/,
    );
  });

  it('model.json', async () => {
    const path = join(last, 'model.json');
    const json = readFileSync(path, 'utf8');
    cut('model.json', 1000);
    expect(await failure()).toMatch(/model\.json is not a usable layers model: it is not JSON/);
    // The weights fit the manifest, but not the layers, which are there by the time it is noticed.
    writeFileSync(path, json.replaceAll('/kernel"', '/kernels"'));
    expect(await failure()).toMatch(/model\.json is not a usable layers model: /);
    writeFileSync(path, json.replaceAll('"btnLayers"', '"others"'));
    expect(await failure()).toMatch(/last is a model of another architecture \(.*\), not a BTN/);
  });

  it('a part that is missing, without which only evaluation works', async () => {
    rmSync(join(last, 'progress.json'));
    expect(await failure()).toMatch(
      /cannot resume without .*progress\.json: no such file or folder; a model alone can be evalu/,
    );
    const { report } = await evaluate({ data, dataType: 'RAF-DB', checkpoint: run });
    expect(report.total).toBe(7);
  });

  it('weights that are not numbers', async () => {
    const path = join(last, weightsFile());
    const weights = readFileSync(path);
    writeFileSync(path, weights.fill(0xff));
    const before = tf.memory().numTensors;
    const message = await messageOf(evaluate({ data, dataType: 'RAF-DB', checkpoint: run }));
    expect(message).toMatch(/^UserError: the network's output is NaN: its weights are ruined/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('a model of another architecture', async () => {
    const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [3] })] });
    rmSync(last, { recursive: true });
    await saveModelFiles(model, last);
    model.dispose();
    const before = tf.memory().numTensors;
    const message = await messageOf(evaluate({ data, dataType: 'RAF-DB', checkpoint: run }));
    expect(message).toMatch(
      /last is a model of another architecture \(sequential_\d+\), not a BTN/,
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(await messageOf(train({ data, resume: run }))).toMatch(/of another architecture/);
  });
});

describe('saveCheckpoint', () => {
  async function loaded(path: string) {
    const { model, optimizer: state, progress } = await loadCheckpoint<{ mark?: number }>(path);
    const optimizer = new Adam();
    optimizer.setState(state);
    disposeState(state);
    const dispose = () => {
      model.dispose();
      optimizer.dispose();
    };
    return { model, optimizer, progress, dispose };
  }

  it('goes round without a loss and without a leak', async () => {
    const before = tf.memory().numTensors;
    const { model, optimizer, progress, dispose } = await loaded(run);
    const copy = join(run, 'copy');
    await saveCheckpoint(copy, model, optimizer, progress);
    for (const name of readdirSync(last)) {
      expect(readFileSync(join(copy, name)).equals(readFileSync(join(last, name)))).toBe(true);
    }
    dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps the old one, and takes the new one away, when it cannot be written', async () => {
    const { model, optimizer, dispose } = await loaded(run);
    const message = await messageOf(
      saveCheckpoint(join(writeFile(join(run, 'file')), 'last'), model, optimizer, {}),
    );
    expect(message).toMatch(
      /^UserError: cannot write .*: part of the path is a file, not a folder$/,
    );
    // A circular progress fails when all but it is on the disk.
    const circular: { self?: object } = {};
    circular.self = circular;
    await expect(saveCheckpoint(last, model, optimizer, circular)).rejects.toThrow(TypeError);
    dispose();
    const again = await loaded(run);
    again.dispose();
    expect(readdirSync(run).filter((name) => name.startsWith('last'))).toEqual(['last']);
  });

  it.skipIf(process.getuid?.() === 0)(
    'says that a folder is closed to it (not as root)',
    async () => {
      const closed = join(run, 'closed');
      mkdirSync(closed);
      chmodSync(closed, 0o500);
      const { model, optimizer, dispose } = await loaded(run);
      expect(await messageOf(saveCheckpoint(join(closed, 'last'), model, optimizer, {}))).toMatch(
        /cannot write .*: permission denied/,
      );
      dispose();
      expect(await messageOf(train({ data, preset: 'tiny', out: closed }))).toMatch(
        /cannot write .*closed: permission denied/,
      );
    },
  );

  it('cut short between its renames leaves the old one, which the next save keeps', async () => {
    const { model, optimizer, dispose } = await loaded(run);
    renameSync(last, `${last}.old`);
    for (const path of [run, last, `${last}/`, join(last, 'model.json')]) {
      (await loaded(path)).dispose();
    }
    // That save fails where `last` would be; `last.old` must not be gone by then.
    const circular: { self?: object } = {};
    circular.self = circular;
    await expect(saveCheckpoint(last, model, optimizer, circular)).rejects.toThrow(TypeError);
    expect(readdirSync(run)).toContain('last.old');
    await saveCheckpoint(last, model, optimizer, { mark: 2 });
    dispose();
    expect(readdirSync(run).filter((name) => name.startsWith('last'))).toEqual(['last']);
    const next = await loaded(run);
    expect(next.progress).toEqual({ mark: 2 });
    next.dispose();
  });
});
