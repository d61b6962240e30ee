import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Prediction } from '../../src/node/evaluation/predict.js';
import { drawSmallData } from '../node/small_data.js';
import { temporaryFolder, writeFile } from '../node/temporary_folder.js';
import { type Outcome, runCommand } from './run_command.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const [data, eight, run] = [at('data'), at('eight'), at('run')];
const picture = join(data, 'test', '1', 'test_0.png');
let trained: Outcome;

beforeAll(async () => {
  await drawSmallData(data);
  await drawSmallData(eight, { dataType: 'AffectNet-8' });
  trained = await runCommand(
    ...['train', '--data', data, '--data_type', 'RAF-DB', '--preset', 'tiny', '--lr', '1e-3'],
    ...['--batch_size=7', '--epochs', '1', '--lambda', '2', '--seed', '3', '--out', run],
  );
});

describe('train', () => {
  it('says what it does and where the results are', () => {
    expect(trained).toMatchObject({ code: 0, err: '' });
    const [first, second, third, fourth, fifth] = trained.out.split('\n');
    expect(first).toMatch(/^backend: wasm \((no )?SIMD\)$/);
    expect(second).toBe('training tiny BTN-7 on 7 images, testing on 7');
    expect(third).toBe('lr 0.001, batch 7, 1 epoch, seed 3');
    expect(fourth).toBe('adam, rate × 0.8 an epoch; flip 0.5');
    expect(fifth).toMatch(/^epoch 1\/1 {2}loss \d.*train .*test .*img.* best$/);
    const named = [...trained.out.matchAll(/^(?:page|report|confusion|curves|\w+ model) +(.*)$/gm)];
    expect(named.map(([, path]) => path)).toEqual(
      ['report.html', 'report.txt', 'confusion_matrix.svg', 'curves.svg', 'best', 'last'].map(
        (name) => join(run, name),
      ),
    );
    for (const [, path] of named) expect(existsSync(path!)).toBe(true);
  });

  it('--quiet prints the result only', async () => {
    const flags = ['--preset', 'tiny', '--epochs', '1', '--out', at('quiet'), '--quiet'];
    const { code, out, err } = await runCommand('train', '--data', data, ...flags);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^\nbest epoch 1, chosen on the test split.*:\n┌/);
  });

  it('--json prints an object a line, from start to end, and TensorBoard gets as many steps', async () => {
    const flags = ['--preset', 'tiny', '--epochs', '2', '--batch-size', '4', '--out', at('json')];
    const also = ['--json', '--tensorboard', at('events')];
    const { code, out, err } = await runCommand('train', '--data', data, ...flags, ...also);
    expect([code, err]).toEqual([0, '']);
    const lines = out.trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const names = ['start', 'step', 'step', 'epoch', 'step', 'step', 'epoch', 'end'];
    expect(events.map(({ event }) => event)).toEqual(names);
    expect(events[0]).toMatchObject({ command: 'train', train: 7, epoch: 1, step: 0 });
    expect(events[0]).toMatchObject({ backend: expect.stringContaining('wasm') });
    expect(events[5]).toMatchObject({ step: 4, epoch: 2, done: 7, total: 7 });
    expect(events[5]).toMatchObject({ batch: { loss: { total: expect.any(Number) } } });
    expect(events[3]).toMatchObject({
      epoch: 1,
      best: true,
      accuracy: { test: expect.any(Number) },
    });
    expect(events[7]).toMatchObject({ stopped: false, folder: { out: at('json') } });
    expect(events[7]).toMatchObject({ best: { evaluation: { report: { total: 7 } } } });
    expect(readdirSync(at('events'))).toEqual([expect.stringMatching(/^events\.out\.tfevents\./)]);
  });

  it('takes every flag', () => {
    expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))).toMatchObject({
      data,
      dataType: 'RAF-DB',
      preset: 'tiny',
      learningRate: 1e-3,
      batchSize: 7,
      epochs: 1,
      lambda: 2,
      seed: 3,
    });
  });

  it('--resume goes on with a run, counts what it skips, and says how to go on', async () => {
    const bad = writeFile(join(data, 'train', '2', 'notes.jpg'), 'no picture');
    const flags = ['--epochs', '2', '--batch-size', '2', '--max-steps', '1'];
    const { code, out } = await runCommand('train', '--resume', run, ...flags);
    rmSync(bad);
    expect(code).toBe(0);
    expect(out).toContain(
      `skipped 1 unusable file:\n  ${bad}: it is not an image, or not one that can be read`,
    );
    expect(out).toContain('resuming tiny BTN-7 at epoch 2, on 7 images, testing on 7');
    expect(out).toMatch(/stopped in epoch 2\/2 after 2 of 8 images: /);
    expect(out).toContain(`stopped early; continue with: npx btn-layers train --resume ${run}\n`);
  });

  it('evaluate asks the checkpoint what it was trained on, and counts what is no image', async () => {
    const own = join(folder, 'run8');
    const flags = ['--preset', 'tiny', '--epochs', '1', '--batch-size', '8', '--out', own];
    await runCommand('train', '--data', eight, '--data-type', 'AffectNet-8', ...flags);
    const text = writeFile(join(eight, 'test', '1', 'image_without_extension'), 'x');
    const { code, out } = await runCommand('evaluate', '--data', eight, '--checkpoint', own);
    rmSync(text);
    expect(code).toBe(0);
    expect(out).toContain('passed over 1 file without the extension of an image\n');
    expect(out).toContain('│ contempt ');
  });

  it('--evaluate trains nothing', async () => {
    const { code, out } = await runCommand(
      'train',
      '--data',
      data,
      '--evaluate',
      join(run, 'best'),
    );
    expect(code).toBe(0);
    expect(out).toContain(`${join(run, 'best')}, each image alone (vit):`);
    expect(out).toMatch(/accuracy +\d+\.\d+% of 7 images/);
    expect(out).not.toContain('training');
  });
});

describe('evaluate', () => {
  it('prints a table and writes what it is asked to', async () => {
    const out = at('evaluation');
    const flags = ['--data', data, '--checkpoint', run, '--batch-size', '3', '--out', out];
    const result = await runCommand('evaluate', ...flags);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toMatch(/^backend: wasm[\s\S]*class[\s\S]*surprise[\s\S]*mean class acc/);
    expect(readFileSync(join(out, 'report.txt'), 'utf8')).toContain('of 7 images');
    expect(result.out).toContain(`confusion    ${join(out, 'confusion_matrix.svg')}`);
    expect(result.out).toContain(`numbers      ${join(out, 'report.json')}`);
    expect(result.out).toMatch(/95% intervals +accuracy \d+\.\d+% to \d+\.\d+%, mean class acc/);
    expect(result.out).toContain('who shares a batch (3 images, 1 in the last):');
    expect(result.out).toContain('in class order: INFLATED');
  });

  it('takes every flag', async () => {
    const flags = ['--vit-only', '--flip_average', '--corrupt', 'dark,blur', '--severity', '5'];
    const result = await runCommand('evaluate', '--data', data, '--checkpoint', run, ...flags);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toContain('each image alone (vit), averaged with its mirror image:');
    expect(result.out).not.toContain('INFLATED');
    expect(result.out).toMatch(/│ corruption │ +none │ severity 5 │\n.*\n│ blur .*\n│ dark /);
    const same = await runCommand(
      'evaluate',
      '--data',
      data,
      '--checkpoint',
      run,
      ...flags,
      '--quiet',
    );
    expect(same.out).toBe(result.out.replace(/^backend.*\n/, ''));
  });

  it('--json prints an object a line, and at the end all numbers', async () => {
    const flags = ['--data', data, '--checkpoint', run, '--json', '--batch-size', '4'];
    const { code, out, err } = await runCommand('evaluate', ...flags);
    expect([code, err]).toEqual([0, '']);
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(events[0]).toMatchObject({ event: 'start', command: 'evaluate', checkpoint: run });
    expect(events.slice(1, -1)).toEqual(
      [4, 7].map((done) => ({ event: 'progress', done, total: 7 })),
    );
    expect(events.at(-1)).toMatchObject({ event: 'end', report: { total: 7 }, robustness: [] });
    expect(events.at(-1)).not.toHaveProperty('predictions');
  });
});

describe('predict', () => {
  it('prints a table', async () => {
    const { code, out } = await runCommand('predict', picture, '--checkpoint', run);
    expect(code).toBe(0);
    expect(out).toContain(picture);
    expect(out).toMatch(/│ image .*│ expression │ surprise │/);
    expect(out).toMatch(/\d+\.\d%/);
  });

  it('--json prints JSON and nothing else, whatever there is to say besides', async () => {
    const images = [picture, at('missing.png')];
    const result = await runCommand('predict', ...images, '--checkpoint', run, '--json');
    expect(result.code).toBe(0);
    const predictions = JSON.parse(result.out) as Prediction[];
    expect(predictions).toMatchObject([{ path: picture, label: expect.any(String) }]);
    expect(Object.keys(predictions[0]!.probabilities)).toHaveLength(7);
    expect(result.err).toMatch(/^backend: wasm.*\nskipped 1 unusable file:\n {2}.*missing\.png: /);
  });

  it('--flip-average gives an image and its mirror image the same', async () => {
    const mirror = at('mirror.png');
    await sharp(picture).flop().toFile(mirror);
    const read = async (...flags: string[]) => {
      const args = ['predict', picture, mirror, '--checkpoint', run, '--json', ...flags];
      const { out, err } = await runCommand(...args);
      expect(err.includes('averaged with those of the mirror image')).toBe(flags.length > 0);
      const predictions = JSON.parse(out) as Prediction[];
      return predictions.map(({ probabilities }) => Object.values(probabilities));
    };
    const [one, other] = await read('--flip-average');
    const alone = await read();
    expect(alone[0]).not.toEqual(alone[1]);
    for (const [c, value] of one!.entries()) {
      expect(value).toBeCloseTo(other![c]!, 6);
      expect(value).toBeCloseTo((alone[0]![c]! + alone[1]![c]!) / 2, 6);
    }
  });

  it('fails where no image can be read', async () => {
    const result = await runCommand('predict', at('no.png'), '--checkpoint', run, '--json');
    expect(result).toMatchObject({ code: 1, out: '[]\n' });
    expect(result.err).toMatch(/\nbtn-layers: none of the images could be read\n$/);
  });
});

describe('a mistake is one line on stderr, and exit code 1:', () => {
  const file = at('file');
  const tiny = ['--preset', 'tiny', '--out', at('never')];
  const mistakes: [string, string[], RegExp][] = [
    ['an unknown flag', ['train', '--foo'], /unknown option '--foo' \(--help lists the flags\)/],
    [
      'a flag misspelt',
      ['train', '--bach-size', '3'],
      /'--bach-size' \(Did you mean --batch-size\?/,
    ],
    ['an unknown command', ['trian'], /unknown command 'trian' \(Did you mean train\?\)/],
    ['no number', ['train', '--lr', 'fast'], /'--lr <rate>' argument 'fast' is invalid. It is not/],
    [
      'a batch of none',
      ['train', '--batch_size', '0'],
      /argument '0' is invalid. It must be an int/,
    ],
    ['a word too many', ['train', 'data'], /too many arguments for 'train'. Expected 0/],
    [
      'an unknown data type',
      ['train', '--data_type', 'FER'],
      /Allowed choices are RAF-DB, AffectN/,
    ],
    ['an unknown backend', ['train', '--backend', 'webgl'], /Allowed choices are wasm, .*cpu/],
    ['a GPU that is none', ['train', '--gpu', 'x'], /--gpu is 'x': expected the number of a GPU/],
    [
      'a GPU for wasm',
      ['train', '--gpu', '0', '--backend', 'wasm'],
      /--gpu 0 needs the tensorflow/,
    ],
    ['no data', ['train'], /--data DIR is needed/],
    [
      'data that is not there',
      ['train', '--data', at('none'), ...tiny],
      /cannot read the folder .*n/,
    ],
    [
      '8 classes as 7',
      ['train', '--data', eight, ...tiny],
      /8 label .*7 classes: use --data_type Af/,
    ],
    [
      '7 classes as 8',
      ['train', '--data', data, '--data_type', 'AffectNet-8', ...tiny],
      /7 label folders but AffectNet-8 has 8 classes: use --data_type RAF-DB or/,
    ],
    [
      '--out below a file',
      ['train', '--data', data, '--preset', 'tiny', '--out', join(file, 'run')],
      /cannot write .*run: part of the path is a file/,
    ],
    [
      'a loss that is not a number',
      ['train', '--data', data, ...tiny, '--lr', '1e30', '--batch-size', '2', '--out', at('nan')],
      /the loss is NaN at epoch 1, image 3: try a smaller --lr; .*nan.diverged_batch\.txt names /,
    ],
    [
      'a run that is not there',
      ['train', '--resume', at('none')],
      /cannot read .*none: no such file or folder/,
    ],
    [
      'another preset',
      ['train', '--resume', run, '--preset', 'full'],
      /has the preset tiny, not full/,
    ],
    ['no checkpoint', ['evaluate', '--data', data], /--checkpoint PATH is needed: a run folder/],
    ['no test data', ['evaluate', '--checkpoint', run], /--data DIR is needed: the folder that/],
    [
      'a checkpoint of 7 classes for 8',
      ['evaluate', '--data', eight, '--data_type', 'AffectNet-8', '--checkpoint', run],
      /trained on RAF-DB \(7 classes\), not on AffectNet-8: pass --data_type RAF-DB/,
    ],
    [
      'an unknown corruption',
      ['evaluate', '--data', data, '--checkpoint', run, '--corrupt', 'blur,rain'],
      /'blur,rain' is invalid. It must be all, or of occlusion, resolution, blur, noise, dark/,
    ],
    [
      'a severity beyond',
      ['evaluate', '--data', data, '--checkpoint', run, '--corrupt', 'all', '--severity', '6'],
      /argument '6' is invalid. It must be an integer from 1 to 5/,
    ],
    [
      'a severity of nothing',
      ['evaluate', '--data', data, '--checkpoint', run, '--severity', '2', '--out', at('never')],
      /--severity is of a corruption: say which with --corrupt/,
    ],
    [
      'quiet JSON',
      ['train', '--data', data, '--quiet', '--json'],
      /'--quiet' cannot be used with option '--json'/,
    ],
    [
      'events below a file',
      ['train', '--data', data, ...tiny, '--tensorboard', join(file, 'events')],
      /cannot write .*events: part of the path is a file/,
    ],
    ['no picture', ['predict', '--checkpoint', run], /missing required argument 'images'/],
    ['no model', ['predict', picture], /--checkpoint PATH is needed/],
    [
      'an unusable picture, strictly',
      ['predict', picture, file, '--checkpoint', run, '--strict'],
      /file: it is not an image/,
    ],
  ];

  it.each(mistakes)('%s', async (_, args, message) => {
    writeFile(file);
    const before = tf.memory().numTensors;
    const { code, out, err } = await runCommand(...args);
    expect(code).toBe(1);
    const lines = err.split('\n').filter((line) => line !== '' && !line.startsWith('backend: '));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^btn-layers: /);
    expect(lines[0]).toMatch(message);
    // What was said before is what the work is, never a trace of the error.
    expect(out).toMatch(/^(backend: .*\n)?(training .*\nlr .*\nadam.*\n)?$/);
    expect(existsSync(at('never'))).toBe(false);
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('lists its flags and its version', async () => {
  const help = await runCommand('train', '--help');
  expect(help.code).toBe(0);
  for (const flag of ['--data-type', '--lr', '--gpu', '--resume', '--evaluate', '--max-steps']) {
    expect(help.out).toContain(flag);
  }
  expect((await runCommand('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
