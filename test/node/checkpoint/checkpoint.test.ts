import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selectBackend } from '../../../src/node/backend.js';
import { loadCheckpoint, saveCheckpoint } from '../../../src/node/checkpoint/checkpoint.js';
import { sealCheckpoint } from '../../../src/node/checkpoint/checkpoint_manifest.js';
import { disposeState } from '../../../src/node/checkpoint/optimizer_file.js';
import { evaluate } from '../../../src/node/evaluation/evaluate.js';
import { saveModelFiles } from '../../../src/node/models/model_files.js';
import { train as trainInThreads } from '../../../src/node/training/train.js';
import type { TrainOptions } from '../../../src/node/training/train_options.js';
import { Adam } from '../../../src/training/adam.js';
import { readSafetensors, writeSafetensors } from '../../../src/weights/safetensors.js';
import { bytesOf, expectSameRun } from '../same_run.js';
import { drawSmallData } from '../small_data.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

/** In this thread: to start others takes longer than these runs. */
const train = (options: TrainOptions) => trainInThreads({ workers: 1, ...options });

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
  it('what was cut, changed or is gone', async () => {
    const names = readdirSync(last);
    expect(names.sort()).toEqual([
      'checkpoint.json',
      'model.json',
      'optimizer.safetensors',
      'progress.json',
      expect.stringMatching(/^weights-.*\.bin$/),
    ]);
    for (const name of names.filter((each) => each !== 'checkpoint.json')) {
      const path = join(last, name);
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.subarray(0, 50));
      expect(await failure()).toMatch(
        `last: ${name} has 50 bytes, but was saved with ${bytes.length}`,
      );
      const flipped = Buffer.from(bytes);
      flipped[bytes.length >> 1]! ^= 1;
      writeFileSync(path, flipped);
      expect(await failure()).toMatch(`last: ${name} is not what was saved (SHA-256 differs)`);
      rmSync(path);
      expect(await failure()).toMatch(`last: ${name} is missing`);
      mkdirSync(path);
      expect(await failure()).toMatch(`last: ${name} has `);
      rmSync(path, { recursive: true });
      writeFileSync(path, bytes);
    }
  });

  it('checkpoint.json', async () => {
    const path = join(last, 'checkpoint.json');
    const whole = JSON.parse(readFileSync(path, 'utf8')) as { files: { name: string }[] };
    cut('checkpoint.json', 50);
    expect(await failure()).toMatch(/last: checkpoint\.json is damaged: .*JSON/);
    for (const other of ['null', '{}', '{"files": [{"name": "../a", "bytes": 1, "sha256": ""}]}']) {
      writeFileSync(path, other);
      expect(await failure()).toMatch(
        /checkpoint\.json is damaged: it does not list files with th/,
      );
    }
    const files = whole.files.filter(({ name }) => name !== 'optimizer.safetensors');
    writeFileSync(path, JSON.stringify({ files }));
    expect(await failure()).toMatch(/is damaged: it does not list optimizer\.safetensors/);
    rmSync(path);
    expect(await failure()).toMatch(
      /checkpoint\.json is missing; a model alone can be evaluated, not resumed/,
    );
  });

  it('progress.json of something else', async () => {
    for (const other of ['null', '[]', '{}', '{"epoch": -1, "position": 0}']) {
      writeFileSync(join(last, 'progress.json'), other);
      await sealCheckpoint(last);
      expect(await failure()).toMatch(/progress\.json is damaged: it does not say where a run st/);
    }
    writeFileSync(join(last, 'progress.json'), '{"epoch": ');
    await sealCheckpoint(last);
    expect(await failure()).toMatch(/last.progress\.json is damaged: .*JSON/);
  });

  it('optimizer.safetensors of something else', async () => {
    const path = join(last, 'optimizer.safetensors');
    const { tensors } = readSafetensors(readFileSync(path));
    writeFileSync(path, '');
    await sealCheckpoint(last);
    expect(await failure()).toMatch(/optimizer\.safetensors is damaged: /);
    writeFileSync(path, writeSafetensors(tensors, {}));
    await sealCheckpoint(last);
    expect(await failure()).toMatch(/is damaged: it does not say how many steps were taken/);
    const [name] = [...tensors.keys()].filter((key) => key.startsWith('second/'));
    const without = new Map([...tensors].filter(([key]) => key !== name));
    writeFileSync(path, writeSafetensors(without, { step: '1' }));
    await sealCheckpoint(last);
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
    await sealCheckpoint(last);
    expect(await failure()).toMatch(/is of another model: it has nothing for /);
    const moment = { dtype: 'float32', shape: [2], data: new Float32Array(2) } as const;
    const more = new Map([...tensors, ['first/more', moment], ['second/more', moment]] as const);
    writeFileSync(path, writeSafetensors(more, { step: '1' }));
    await sealCheckpoint(last);
    expect(await failure()).toMatch(
      /is of another model: it has .* more.*, which the model has not/,
    );
  });

  it('model.json of something else', async () => {
    const path = join(last, 'model.json');
    const json = readFileSync(path, 'utf8');
    // The weights fit the manifest, but not the layers, which are there by the time it is noticed.
    writeFileSync(path, json.replaceAll('/kernel"', '/kernels"'));
    await sealCheckpoint(last);
    expect(await failure()).toMatch(/model\.json is not a usable layers model: /);
    writeFileSync(path, json.replaceAll('"btnLayers"', '"others"'));
    await sealCheckpoint(last);
    expect(await failure()).toMatch(/last is a model of another architecture \(.*\), not a BTN/);
  });

  it('in evaluation only where it is the model', async () => {
    const checkpoint = { data, dataType: 'RAF-DB', checkpoint: run } as const;
    rmSync(join(last, 'progress.json'));
    rmSync(join(last, 'optimizer.safetensors'));
    const { report } = await evaluate(checkpoint);
    expect(report.total).toBe(7);
    cut(weightsFile(), 1000);
    expect(await messageOf(evaluate(checkpoint))).toMatch(
      /^UserError: .*last is damaged: weights-.*\.bin has 1000 bytes, but was saved with \d+$/,
    );
    rmSync(join(last, 'checkpoint.json'));
    expect(await messageOf(evaluate(checkpoint))).toMatch(/hold 1000 bytes where \d+ are expected/);
  });

  it('weights that are not numbers', async () => {
    const path = join(last, weightsFile());
    const weights = readFileSync(path);
    writeFileSync(path, weights.fill(0xff));
    await sealCheckpoint(last);
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
    renameSync(last, `${last}.1`);
    for (const path of [run, last, `${last}/`, join(last, 'model.json')]) {
      (await loaded(path)).dispose();
    }
    // That save fails where `last` would be; `last.1` must not be gone by then.
    const circular: { self?: object } = {};
    circular.self = circular;
    await expect(saveCheckpoint(last, model, optimizer, circular)).rejects.toThrow(TypeError);
    expect(readdirSync(run)).toContain('last.1');
    await saveCheckpoint(last, model, optimizer, { mark: 2 });
    dispose();
    expect(ofLast()).toEqual(['last']);
    const next = await loaded(run);
    expect(next.progress).toEqual({ mark: 2 });
    next.dispose();
  });

  it('keeps as many as it is told', async () => {
    const { model, optimizer, dispose } = await loaded(run);
    for (let mark = 1; mark <= 4; mark++) await saveCheckpoint(last, model, optimizer, { mark }, 3);
    const marks = async () => {
      const progress = ofLast().map((name) =>
        readFileSync(join(run, name, 'progress.json'), 'utf8'),
      );
      return progress.map((text) => (JSON.parse(text) as { mark: number }).mark);
    };
    expect(ofLast()).toEqual(['last', 'last.1', 'last.2']);
    expect(await marks()).toEqual([4, 3, 2]);
    // Without `last`, there is room for one, and nothing moves.
    rmSync(last, { recursive: true });
    await saveCheckpoint(last, model, optimizer, { mark: 5 }, 3);
    expect(await marks()).toEqual([5, 3, 2]);
    await saveCheckpoint(last, model, optimizer, { mark: 6 }, 2);
    dispose();
    expect(await marks()).toEqual([6, 5]);
  });

  function ofLast(): string[] {
    return readdirSync(run)
      .filter((name) => name.startsWith('last'))
      .sort();
  }
});

describe('a run whose last checkpoint is damaged', () => {
  /** The end state of a run that nothing happened to. */
  let straight: string;
  let damaged: string;

  beforeAll(async () => {
    straight = join(folder, 'straight');
    await train({ data, preset: 'tiny', batchSize: 4, epochs: 2, out: straight });
    damaged = join(folder, 'damaged');
    await train({ data, preset: 'tiny', batchSize: 4, epochs: 2, out: damaged, maxSteps: 1 });
    await train({ resume: damaged, maxSteps: 2 });
    expect(readdirSync(damaged)).toEqual(expect.arrayContaining(['best', 'last', 'last.1']));
  });

  beforeEach(() => cpSync(damaged, run, { recursive: true }));

  async function resumed(): Promise<string[]> {
    const warnings: string[] = [];
    await train({ resume: run, reporter: { warned: (warning) => warnings.push(warning) } });
    return warnings;
  }

  it('goes on from the one before, says so, and ends the same', async () => {
    cut('optimizer.safetensors', 5000);
    expect(await resumed()).toEqual([
      expect.stringMatching(
        /^warning: cannot go on from .*last: optimizer\.safetensors has 5000 bytes, but was saved with \d+; going on from .*last\.1, at epoch 2, after 0 images$/,
      ),
    ]);
    expect(bytesOf(last)).toEqual(bytesOf(join(straight, 'last')));
    expect(bytesOf(join(run, 'best'))).toEqual(bytesOf(join(straight, 'best')));
    // The damaged one is out of the way, and not lost.
    expect(readdirSync(run).filter((name) => name.startsWith('last'))).toEqual([
      'last',
      'last.1',
      'last.damaged',
    ]);
    expect(await resumed()).toEqual([]);
  });

  it('goes on where it is missing, and from the best where all are', async () => {
    rmSync(last, { recursive: true });
    expect(await resumed()).toEqual([
      expect.stringMatching(/cannot go on from .*last: it is missing; going on from .*last\.1, at/),
    ]);
    for (const name of ['last', 'last.1']) rmSync(join(run, name, 'model.json'));
    expect(await resumed()).toEqual([
      expect.stringMatching(
        /from .*last: model\.json is missing; going on from .*best, at epoch \d/,
      ),
      expect.stringMatching(/from .*last\.1: model\.json is missing; going on from .*best, at/),
    ]);
    expect(bytesOf(last)).toEqual(bytesOf(join(straight, 'last')));
  });

  it('chooses the best epoch anew where its model is damaged', async () => {
    const best = join(run, 'best');
    const weights = readdirSync(best).find((name) => name.endsWith('.bin'))!;
    writeFileSync(join(best, weights), 'x');
    expect(await resumed()).toEqual([
      expect.stringMatching(
        /best is damaged: weights-.* has 1 bytes.*; the best epoch is chosen f/,
      ),
    ]);
    const progress = readFileSync(join(best, 'progress.json'), 'utf8');
    expect((JSON.parse(progress) as { best: object }).best).toMatchObject({ epoch: 2 });
  });

  it('says what is wrong with each where none is whole', async () => {
    for (const name of ['last', 'last.1', 'best']) rmSync(join(run, name, 'model.json'));
    expect(await failure()).toMatch(
      /^UserError: no checkpoint in .* is whole: .*last: model\.json is missing; .*last\.1: model\.json is missing; .*best: model\.json is missing$/,
    );
  });
});

describe('a full disk', () => {
  const disk = join(folder, 'disk');

  beforeEach(() => {
    mkdirSync(disk);
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
    return () => {
      if (status === 0) spawnSync('umount', [disk]);
    };
  });

  it('leaves the checkpoint before, from which the run goes on', async (context) => {
    const { blocks, bsize } = statfsSync(disk);
    if (blocks * bsize > 24 * 2 ** 20)
      context.skip('a small file system can be mounted by root only');
    const options = { data, preset: 'tiny', batchSize: 4, epochs: 3 } as const;
    const straight = join(folder, 'on_a_large_disk');
    await train({ ...options, out: straight });
    const out = join(disk, 'run');
    const ballast = join(disk, 'ballast');
    // Room for a part of the next checkpoint, of which a part is written then.
    const fill = () => {
      writeFileSync(ballast, Buffer.alloc(statfsSync(disk).bavail * bsize - 1_500_000));
    };
    const full = train({ ...options, out, reporter: { epochEnded: fill } });
    expect(await messageOf(full)).toMatch(
      /^UserError: cannot write .*(best|last)\.new.*: the disk is full; the checkpoint before it stays in .*(best|last)$/,
    );
    expect(readdirSync(out).filter((name) => /new|tmp/.test(name))).toEqual([]);
    const { progress, model, optimizer, damaged } = await loadCheckpoint<{ epoch: number }>(out);
    model.dispose();
    disposeState(optimizer);
    expect([progress.epoch, damaged]).toEqual([1, []]);
    rmSync(ballast);
    const { stopped } = await train({ resume: out });
    expect(stopped).toBe(false);
    expectSameRun(out, straight);
  });
});
