import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../../src/node/backend.js';
import { evaluate } from '../../../src/node/evaluation/evaluate.js';
import type { SkippedImage } from '../../../src/node/images/image_source.js';
import type { EpochLog } from '../../../src/node/training/run_folder.js';
import { train as trainInThreads } from '../../../src/node/training/train.js';
import type { StepState, TrainOptions } from '../../../src/node/training/train_options.js';
import { bytesOf, expectSameRun, logOf } from '../same_run.js';
import { drawSmallData, stripes } from '../small_data.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

/** In this thread: to start others takes longer than these runs. */
const train = (options: TrainOptions) => trainInThreads({ workers: 1, ...options });

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);

/** Two steps an epoch, of four images and of three. */
const small: TrainOptions = { data: at('data'), preset: 'tiny', batchSize: 4, epochs: 2 };
/** Run to the end in one go: what the interrupted ones must equal. */
const whole = at('whole');
let steps: StepState[];

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(at('data'));
  steps = [];
  await train({
    ...small,
    out: whole,
    reporter: { stepped: (state) => steps.push(state) },
  });
});

function json(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

describe('a run', () => {
  it('leaves settings, log, pictures and two models, and nothing unfinished', () => {
    expect(readdirSync(whole).sort()).toEqual([
      'best',
      'calibration.png',
      'calibration.svg',
      'classes.png',
      'classes.svg',
      'config.json',
      'confusion_matrix.png',
      'confusion_matrix.svg',
      'curves.png',
      'curves.svg',
      'last',
      'last.1',
      'log.jsonl',
      'report.html',
      'report.txt',
    ]);
    for (const name of ['last', 'last.1', 'best']) {
      expect(readdirSync(join(whole, name)).sort()).toEqual([
        'checkpoint.json',
        'model.json',
        'optimizer.safetensors',
        'progress.json',
        expect.stringMatching(/^weights-.*\.bin$/),
      ]);
    }
    expect(json(join(whole, 'config.json'))).toMatchObject({ ...small, seed: 1, lambda: 1 });
    expect(logOf(whole)).toMatchObject([{ epoch: 1 }, { epoch: 2 }]);
    expect(readFileSync(join(whole, 'report.txt'), 'utf8')).toMatch(
      /^data, tiny BTN, epoch \d, chosen on the test split \(optimistic\), .*\n\n[\s\S]*class [\s\S]*accuracy +\d.* of 7 images\nmean class acc/,
    );
    for (const name of ['curves.svg', 'confusion_matrix.svg', 'classes.svg', 'calibration.svg']) {
      expect(readFileSync(join(whole, name), 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
    }
  });

  it('has a page with what evaluate finds of the best epoch, and the log of all', async () => {
    const page = readFileSync(join(whole, 'report.html'), 'utf8');
    const { report, batch } = await evaluate({ data: at('data'), checkpoint: whole, batchSize: 4 });
    expect(page).toContain(`<dd>${(100 * report.accuracy!).toFixed(2)}%</dd>`);
    const { mean, standardDeviation } = batch!.bt;
    const percents = [mean, standardDeviation].map((value) => `${(100 * value).toFixed(2)}%`);
    expect(page).toContain(`<th scope="row">bt</th><td>${percents.join(' ± ')}</td>`);
    const epochs = page.split('All epochs')[1]!.split('</table>')[0]!;
    const rows = [...epochs.matchAll(/<th scope="row">(\d+)<\/th><td>([\d.]+)<\/td>/g)];
    const totals = logOf(whole) as EpochLog[];
    expect(rows.map(([, epoch, loss]) => [Number(epoch), loss])).toEqual(
      totals.map(({ epoch, loss }) => [epoch, loss.total.toFixed(3)]),
    );
    expect(page).toContain('chosen on the test split (optimistic)');
  });

  it('ends each epoch with a smaller batch', () => {
    expect(steps.map(({ epoch, done, total }) => [epoch, done, total])).toEqual([
      [1, 4, 7],
      [1, 7, 7],
      [2, 4, 7],
      [2, 7, 7],
    ]);
  });

  it('stopped twice by maxSteps ends as if it had not been', async () => {
    const out = at('by_steps');
    const first = await train({ ...small, out, maxSteps: 1 });
    expect([first.stopped, first.best, first.log]).toEqual([true, undefined, []]);
    expect(readdirSync(out).sort()).toEqual(['config.json', 'last']);
    expect((await train({ resume: out, maxSteps: 2 })).log).toHaveLength(1);
    const { stopped, log } = await train({ resume: join(out, 'last', 'model.json') });
    expect([stopped, log.length]).toEqual([false, 2]);
    expectSameRun(out, whole);
  });

  it('stopped by a signal, in training and in evaluation, ends as if it had not been', async () => {
    const out = at('by_signal');
    const one = new AbortController();
    const inTraining = await train({
      ...small,
      out,
      signal: one.signal,
      reporter: { stepped: () => one.abort() },
    });
    expect(inTraining.stopped).toBe(true);
    const two = new AbortController();
    const stops: StepState[] = [];
    const inEvaluation = await train({
      resume: out,
      signal: two.signal,
      reporter: { evaluated: () => two.abort(), stopped: (state) => stops.push(state) },
    });
    expect([inEvaluation.stopped, inEvaluation.log]).toEqual([true, []]);
    expect(stops).toMatchObject([{ epoch: 1, done: 7, total: 7 }]);
    const starts: object[] = [];
    await train({ resume: `${out}/last/`, reporter: { started: (start) => starts.push(start) } });
    expect(starts).toMatchObject([{ epoch: 1, position: 7, train: 7, test: 7 }]);
    expectSameRun(out, whole);
  });

  it('goes on when it is asked for more epochs, and only then', async () => {
    const out = at('longer');
    await train({ ...small, out, epochs: 1 });
    const again = await train({ resume: out });
    expect([again.stopped, again.log.length]).toEqual([false, 1]);
    await train({ resume: out, epochs: 2 });
    expectSameRun(out, whole);
    expect(json(join(out, 'config.json')).epochs).toBe(2);
  });

  it('of the same seed is the same', async () => {
    const out = at('same_seed');
    await train({ ...small, out });
    expectSameRun(out, whole);
    expect(json(join(out, 'config.json'))).toEqual(json(join(whole, 'config.json')));
  });

  it('names the pictures that more than one split has', async () => {
    const data = at('with_copies');
    cpSync(at('data'), data, { recursive: true });
    const [original, copy] = ['train/3/train_0.png', 'test/4/copy.png'].map((name) =>
      join(data, name),
    );
    cpSync(original!, copy!);
    const warnings: string[] = [];
    const out = at('with_duplicates');
    const reporter = { warned: (warning: string) => warnings.push(warning) };
    await train({ ...small, data, out, maxSteps: 1, reporter });
    const path = join(out, 'duplicates.txt');
    expect(readFileSync(path, 'utf8')).toBe(`train: ${original}; test: ${copy} (labels differ)\n`);
    expect(warnings).toEqual([
      `warning: 1 picture is in more than one split (images: 1 of train, 1 of test), 1 of them with other labels: ${path} names them`,
    ]);
    rmSync(copy!);
    await train({ resume: out, maxSteps: 1, reporter });
    expect(existsSync(path)).toBe(false);
    // Only of the copy that is gone.
    expect(warnings.slice(1)).toEqual([
      expect.stringMatching(/begun with: it goes on with these$/),
    ]);
  });

  it('of another seed is another, down to batches of one image', async () => {
    const out = at('other_seed');
    const done: number[] = [];
    await train({
      ...small,
      out,
      seed: 2,
      batchSize: 1,
      epochs: 1,
      maxSteps: 2,
      reporter: { stepped: (state) => done.push(state.done) },
    });
    expect(done).toEqual([1, 2]);
    const differing = await train({ ...small, out: at('differing'), seed: 2, epochs: 1 });
    expect(differing.log[0]!.loss.total).not.toBe((logOf(whole)[0] as EpochLog).loss.total);
  });

  it('goes on in another folder, which gets the best model along', async () => {
    const from = at('moved_from');
    cpSync(whole, from, { recursive: true });
    expect(await messageOf(train({ resume: from, out: at('by_steps') }))).toMatch(
      /by_steps already holds a run: continue it with --resume .*by_steps, or choose another --out/,
    );
    const { best, folder: run } = await train({ resume: from, out: at('moved') });
    expect(best?.epoch).toBeGreaterThan(0);
    expect(bytesOf(run.best)).toEqual(bytesOf(join(whole, 'best')));
    expect(logOf(at('moved'))).toEqual(logOf(whole));
  });

  it('takes what a save cut short left', async () => {
    const run = at('cut_short');
    cpSync(whole, run, { recursive: true });
    rmSync(join(run, 'last.1'), { recursive: true });
    renameSync(join(run, 'last'), join(run, 'last.1'));
    writeFile(join(run, 'last.new', 'model.json'), '{"half a mod');
    writeFile(join(run, 'log.jsonl.0123456789ab.tmp'), '{"epo');
    const { log } = await train({ resume: run, epochs: 3, maxSteps: 1 });
    expect(log).toHaveLength(2);
    expect(readdirSync(run).sort()).toEqual(readdirSync(whole).sort());
  });
});

describe('what a crash leaves', () => {
  it('before the first checkpoint is no run: the same command begins anew', async () => {
    const out = at('crashed_at_once');
    writeFile(join(out, 'config.json'), '{}');
    const { stopped } = await train({ ...small, out, maxSteps: 1 });
    expect(stopped).toBe(true);
  });

  it('in the middle of an epoch is the last checkpoint of several', async () => {
    const out = at('crashed');
    let steps = 0;
    const reporter = {
      stepped: () => {
        if (++steps === 2) throw new Error('power cut');
      },
    };
    const crash = train({ ...small, out, checkpointSeconds: 0, reporter });
    await expect(crash).rejects.toThrow('power cut');
    await train({ resume: out });
    expectSameRun(out, whole);
  });

  it('is not undone by resuming an earlier checkpoint', async () => {
    const run = at('further');
    cpSync(whole, run, { recursive: true });
    rmSync(join(run, 'best'), { recursive: true });
    const early = at('early');
    await train({ ...small, out: early, epochs: 1 });
    cpSync(join(early, 'best'), join(run, 'best'), { recursive: true });
    const before = bytesOf(join(run, 'last'));
    expect(await messageOf(train({ resume: join(run, 'best'), epochs: 3 }))).toMatch(
      /further.last is further than .*best \(2 epochs against 1\): resume .*, or give another --out/,
    );
    expect(bytesOf(join(run, 'last'))).toEqual(before);
    const branch = await train({ resume: join(run, 'best'), epochs: 1, out: at('branch') });
    expect(existsSync(join(branch.folder.last, 'model.json'))).toBe(true);
  });
});

describe('the recipe of the baseline', () => {
  it('with SAM and balanced classes goes on as if it had not been stopped', async () => {
    const recipe = { ...small, samRho: 0.05, classBalanced: true };
    const straight = at('sam');
    await train({ ...recipe, out: straight });
    const pieces = at('sam_in_pieces');
    await train({ ...recipe, out: pieces, maxSteps: 1 });
    await train({ resume: pieces });
    expect(bytesOf(join(pieces, 'last'))).toEqual(bytesOf(join(straight, 'last')));
    expect(bytesOf(join(straight, 'last'))).not.toEqual(bytesOf(join(whole, 'last')));
    expect(JSON.parse(readFileSync(join(pieces, 'config.json'), 'utf8'))).toMatchObject({
      samRho: 0.05,
      classBalanced: true,
    });
  });
});

describe('held-out images', () => {
  const options: TrainOptions = { ...small, data: at('larger'), validation: 0.25, batchSize: 16 };

  beforeAll(() => drawSmallData(at('larger'), { trainPerClass: 4, testPerClass: 2 }));

  function subtitleOf(run: string): string {
    return readFileSync(join(run, 'report.txt'), 'utf8').split('\n')[0]!;
  }

  it('choose the best epoch, and the test split is evaluated once, at the end', async () => {
    const out = at('held_out');
    const evaluations: number[] = [];
    const starts: object[] = [];
    const { log, best, test } = await train({
      ...options,
      out,
      reporter: {
        started: (start) => starts.push(start),
        evaluated: (done, total) => done === total && evaluations.push(total),
      },
    });
    expect(starts).toMatchObject([{ train: 21, validation: 7, test: 14 }]);
    expect(evaluations).toEqual([7, 7, 14]);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain('chosen on 25% of train/ held out');
    expect(page).toContain('its result on the test split');
    expect(page).toContain('<dt>images</dt><dd>14</dd>');
    expect(log.map(({ accuracy }) => Object.keys(accuracy))).toEqual([
      ['train', 'validation'],
      ['train', 'validation'],
    ]);
    const validation = log.map(({ accuracy }) => accuracy.validation!);
    expect(best!.epoch).toBe(1 + validation.indexOf(Math.max(...validation)));
    expect([best!.evaluation.report.total, test!.report.total]).toEqual([7, 14]);
    expect(subtitleOf(out)).toMatch(
      /^larger, tiny BTN, epoch \d, chosen on 25% of train\/ held out, evaluated on the test split, e/,
    );
    expect(readFileSync(join(out, 'curves.svg'), 'utf8')).toMatch(/best validation accuracy \d/);
    expect(json(join(out, 'config.json')).validation).toBe(0.25);
    // The report is of the best model, whichever epoch that was.
    const again = await evaluate({ data: at('larger'), checkpoint: out });
    expect(again.matrix).toEqual(test!.matrix);
  });

  it('stay the same when the run goes on, before the end and at it', async () => {
    const out = at('held_out_in_pieces');
    await train({ ...options, out, maxSteps: 3 });
    expect(subtitleOf(out)).toMatch(
      /chosen on 25% of train\/ held out, evaluated on the same, each/,
    );
    // Stopped before it evaluates the test split: the epoch is not over.
    const stop = new AbortController();
    const reporter = { evaluated: () => stop.abort() };
    const { log, test } = await train({ resume: out, signal: stop.signal, reporter });
    expect([log.length, test]).toEqual([1, undefined]);
    await train({ resume: out });
    expectSameRun(out, at('held_out'));
    const evaluations: number[] = [];
    const finished = await train({
      resume: out,
      reporter: { evaluated: (_, total) => evaluations.push(total) },
    });
    expect([finished.test?.report.total, evaluations]).toEqual([14, []]);
  });

  it('are tested on by the best model, which need not be the last', async () => {
    const out = at('held_out_then_worse');
    const first = await train({ ...options, out, epochs: 1 });
    // From here on, a learning rate that ruins what was learnt, but leaves numbers.
    const { best, test, log } = await train({ resume: out, epochs: 2, learningRate: 1 });
    expect([best!.epoch, log.length]).toEqual([1, 2]);
    expect(test).toEqual(first.test);
    const again = await evaluate({ data: at('larger'), checkpoint: out });
    expect(test!.matrix).toEqual(again.matrix);
  });

  it('cannot become others in the middle of a run', async () => {
    const resume = at('held_out');
    expect(await messageOf(train({ resume, validation: 0.5 }))).toMatch(
      /^UserError: --validation was 0\.25 from the start of this run, and must stay so$/,
    );
    expect(await messageOf(train({ resume, seed: 7 }))).toMatch(/--seed was 1 when images were h/);
    expect(await messageOf(train({ resume: whole, validation: 0.5 }))).toMatch(
      /was 0 from the sta/,
    );
  });

  it('cannot become others by images that come or go, which any other run only says', async () => {
    const [copy, extra] = [at('copy'), join(at('copy'), 'train', '1', 'extra.png')];
    cpSync(at('larger'), copy, { recursive: true });
    const warnings: string[] = [];
    const reporter = { warned: (warning: string) => void warnings.push(warning) };
    const held = { resume: at('held_out'), data: copy, epochs: 2, reporter };
    // The same files in another place are the same data.
    await train(held);
    expect(warnings.filter((warning) => warning.includes('begun with'))).toEqual([]);
    await stripes(1, 7).png().toFile(extra);
    expect(await messageOf(train(held))).toMatch(
      /^UserError: the images in .*copy are not those that the run was begun with: held-out images would/,
    );
    const open = at('open');
    await train({ ...small, data: at('larger'), out: open, epochs: 1, maxSteps: 1 });
    await train({ resume: open, data: copy, maxSteps: 1, reporter });
    expect(warnings.at(-1)).toMatch(
      /are not those that the run was begun with: it goes on with these$/,
    );
  });

  it('must be some, and not all', async () => {
    const out = at('never_held_out');
    expect(await messageOf(train({ ...small, out, validation: 0.5 }))).toMatch(
      /^UserError: --validation 0\.5 holds out nothing: no class of train\/ has two images$/,
    );
    expect(await messageOf(train({ ...small, out, validation: 1 }))).toMatch(
      /--validation must be/,
    );
    expect(existsSync(out)).toBe(false);
  });
});

describe('odd batches', () => {
  it('of one class only are trained on', async () => {
    const data = await drawSmallData(at('one_class'));
    const same = join(data, 'train', '1', 'train_0.png');
    for (let label = 2; label <= 7; label++) rmSync(join(data, 'train', `${label}`, 'train_0.png'));
    for (let label = 2; label <= 7; label++) {
      // Unusable in all other classes, so that every batch has class 1 alone.
      writeFile(join(data, 'train', `${label}`, 'empty.png'), '');
    }
    for (let i = 1; i < 4; i++) symlinkSync(same, join(data, 'train', '1', `train_${i}.png`));
    const skipped: SkippedImage[] = [];
    const { log } = await train({
      ...small,
      data,
      epochs: 1,
      batchSize: 16,
      out: at('one_class_run'),
      reporter: { skipped: (files) => skipped.push(...files) },
    });
    expect(skipped).toHaveLength(6);
    expect(skipped[0]).toEqual({
      path: expect.stringContaining('empty.png'),
      reason: 'the file is empty (0 bytes)',
    });
    expect(Object.values(log[0]!.loss).every(Number.isFinite)).toBe(true);
  });
});

describe('train explains in one line, and leaves nothing behind,', () => {
  async function failure(options: TrainOptions): Promise<string> {
    const before = tf.memory().numTensors;
    const message = await messageOf(train(options));
    expect(message).toMatch(/^(User|Decode)Error: /);
    expect(message).not.toContain('\n');
    expect(tf.memory().numTensors).toBe(before);
    return message;
  }

  it('missing settings and values out of range', async () => {
    const out = at('never');
    expect(await failure({ out })).toMatch(/--data DIR is needed/);
    expect(await failure({ ...small, out, epochs: 0 })).toMatch(/--epochs must be an integer from/);
    expect(await failure({ ...small, out, batchSize: 1.5 })).toMatch(/--batch-size must be an/);
    expect(await failure({ ...small, out, learningRate: -1 })).toMatch(/--lr must be a positive/);
    expect(await failure({ ...small, out, samRho: -1 })).toMatch(/--sam-rho must be a number/);
    expect(await failure({ ...small, out, lambda: Number.NaN })).toMatch(/--lambda must be a numb/);
    expect(await failure({ ...small, out, data: at('none') })).toMatch(
      /cannot read the folder .*n/,
    );
    expect(await failure({ ...small, out, dataType: 'AffectNet-8' })).toMatch(
      /has 7 label folders/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it('a loss that is not a number', async () => {
    const out = at('diverged');
    const options = { ...small, learningRate: 1e30 };
    expect(await failure({ ...options, out })).toMatch(
      /the loss is NaN at epoch 1, image 5: try a smaller --lr; .*diverged.diverged_batch\.txt names/,
    );
    const [what, ...files] = readFileSync(join(out, 'diverged_batch.txt'), 'utf8').split('\n');
    expect(what).toBe('# the loss is NaN at epoch 1, image 5');
    // Three, which is the batch, and the end of the last line.
    expect(files).toEqual([...Array(3).fill(expect.stringMatching(/train.\d.train_0\.png$/)), '']);
    expect(new Set(files).size).toBe(4);
    // Still a number, but of no use.
    expect(await failure({ ...small, learningRate: 10, out })).toMatch(
      /the loss exploded to \d\.\d+e\+\d at epoch 1, image 5: try a smaller --lr; .* names the bat/,
    );
    expect(readFileSync(join(out, 'diverged_batch.txt'), 'utf8')).toMatch(
      /^# the loss exploded to /,
    );
    // The folder holds no run. The one step before the test split still has a finite loss, but ruins
    // the weights.
    expect(await failure({ ...options, out, batchSize: 7 })).toMatch(
      /the network's output is NaN: .*too large a --lr/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it('a loss that is no longer a number, with the checkpoint before it', async () => {
    const run = at('diverged_later');
    cpSync(whole, run, { recursive: true });
    const before = bytesOf(join(run, 'last'));
    expect(await failure({ resume: run, epochs: 3, learningRate: 1e30, batchSize: 2 })).toMatch(
      /is NaN at epoch 3, image 3: try a smaller --lr; the checkpoint before is in .*later.last; .*diverged_batch\.txt n/,
    );
    expect(bytesOf(join(run, 'last'))).toEqual(before);
  });

  it('a folder that cannot be written to', async () => {
    const file = writeFile(at('file'));
    expect(await failure({ ...small, out: join(file, 'run') })).toMatch(
      /cannot write .*run: part of the path is a file, not a folder/,
    );
    expect(await failure({ ...small, out: file })).toMatch(/cannot write .*file: /);
    expect(await failure({ ...small, out: whole })).toMatch(
      /already holds a run: continue it with/,
    );
    const own = at('own_files');
    const report = writeFile(join(own, 'report.txt'), 'mine');
    expect(await failure({ ...small, out: own })).toMatch(
      /own_files already holds report\.txt: remove what a run would replace, or choose another --out/,
    );
    expect(readFileSync(report, 'utf8')).toBe('mine');
  });

  it('an unusable image where it is strict', async () => {
    const data = await drawSmallData(at('strict'));
    const image = await stripes(1).jpeg().toBuffer();
    writeFile(join(data, 'train', '3', 'cut.jpg'), image.subarray(0, image.length / 2));
    const out = at('strict_run');
    expect(await failure({ ...small, data, out, strict: true })).toMatch(
      /^DecodeError: .*strict.train.3.cut\.jpg: the image is truncated or damaged/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it('a checkpoint of another network or data set', async () => {
    expect(await failure({ resume: whole, preset: 'full' })).toMatch(
      /has the preset tiny, not full/,
    );
    expect(await failure({ resume: whole, dataType: 'AffectNet-8' })).toMatch(
      /last was trained on RAF-DB \(7 classes\), not on AffectNet-8: pass --data_type RAF-DB/,
    );
    expect(await failure({ resume: at('nowhere') })).toMatch(
      /cannot read .*nowhere: no such file or folder/,
    );
    expect(await failure({ resume: whole, data: at('none') })).toMatch(/cannot read the folder/);
  });

  it('to stop before there is anything to save', async () => {
    const stop = new AbortController();
    const out = at('too_early');
    const reporter = { decoded: () => stop.abort() };
    const error = await train({ ...small, out, signal: stop.signal, reporter }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBe(stop.signal.reason);
    expect(existsSync(out)).toBe(false);
  });
});

it('leaves no tensor behind', async () => {
  const before = tf.memory().numTensors;
  await train({ resume: at('by_steps'), epochs: 3, maxSteps: 1 });
  await train({ ...small, out: at('flat'), epochs: 1 });
  expect(tf.memory().numTensors).toBe(before);
});
