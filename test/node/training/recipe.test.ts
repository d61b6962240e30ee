/** The choices of a recipe in a whole run: kept, resumed, rerun. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../../src/node/backend.js';
import { recipeText } from '../../../src/node/training/recipe_text.js';
import { withConfig } from '../../../src/node/training/run_config.js';
import { train } from '../../../src/node/training/train.js';
import type { TrainOptions } from '../../../src/node/training/train_options.js';
import { freshSettings, type GivenSettings } from '../../../src/node/training/train_settings.js';
import { runCommand } from '../../cli/run_command.js';
import { bytesOf, expectSameRun, logOf } from '../same_run.js';
import { drawSmallData } from '../small_data.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);

/** Two steps an epoch, of four images and of three; everything that is off by default is on. */
const everything: TrainOptions = {
  data: at('data'),
  preset: 'tiny',
  batchSize: 4,
  epochs: 2,
  seed: 5,
  optimizer: 'sgd',
  learningRate: 0.01,
  momentum: 0.8,
  weightDecay: 1e-3,
  samRho: 0.5,
  samAdaptive: true,
  clipNorm: 1,
  schedule: 'cosine',
  warmupEpochs: 0.5,
  labelSmoothing: 0.1,
  classWeights: 'balanced',
  augmentation: {
    affine: { degrees: 10, translate: 0.1, scale: [0.9, 1.1], shear: 5 },
    colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
    randAugment: { operations: 1, magnitude: 9 },
  },
};
const whole = at('whole');

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(at('data'));
  await train({ ...everything, out: whole });
});

const config = (run: string) =>
  JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')) as Record<string, unknown>;

describe('a run with every choice', () => {
  it('keeps them, and what they bring along', () => {
    const { augmentation, ...rest } = everything;
    expect(config(whole)).toMatchObject({ ...rest, augmentation: { flip: 0.5, ...augmentation } });
    expect('decay' in config(whole)).toBe(false);
    // At the end of each epoch: after the warm-up's only step, and an epoch into a cosine over 1.5.
    const rates = logOf(whole).map((entry) => (entry as { learningRate: number }).learningRate);
    expect(rates[0]).toBe(0.01);
    expect(rates[1]).toBeCloseTo(0.0025, 12);
  });

  it('stopped in the warm-up goes on as if it had not been', async () => {
    const out = at('in_pieces');
    await train({ ...everything, out, maxSteps: 1 });
    await train({ resume: out, maxSteps: 2 });
    await train({ resume: out });
    expectSameRun(out, whole);
    expect(config(out)).toEqual(config(whole));
  });

  it('is run again from its config.json, bit for bit', async () => {
    const out = at('again');
    await train({ config: join(whole, 'config.json'), out });
    expectSameRun(out, whole);
    expect(config(out)).toEqual(config(whole));
  });

  it('is run again from its folder with other settings, which leave the rest', async () => {
    const out = at('again_otherwise');
    await train({ config: whole, out, seed: 6, augmentation: { flip: 0 }, maxSteps: 1 });
    expect(config(out)).toEqual({
      ...config(whole),
      seed: 6,
      augmentation: { ...(config(whole).augmentation as object), flip: 0 },
    });
    expect(bytesOf(join(out, 'last'))).not.toEqual(bytesOf(join(whole, 'last')));
  });
});

describe('each choice', () => {
  beforeAll(() => train({ config: whole, out: at('one_step'), maxSteps: 1 }));

  it.each([
    { samAdaptive: false },
    { clipNorm: 0 },
    { warmupEpochs: 0.9 },
    { labelSmoothing: 0 },
    { classWeights: [1, 2, 3, 4, 5, 6, 7] },
    { momentum: 0 },
    { weightDecay: 0 },
    { augmentation: { affine: undefined } },
    { optimizer: 'adamw' },
  ] as GivenSettings[])('makes another run: %j', async (other) => {
    const out = at(`other_${JSON.stringify(other).replaceAll(/\W/g, '')}`);
    await train({ config: whole, out, maxSteps: 1, ...other });
    expect(bytesOf(join(out, 'last'))).not.toEqual(bytesOf(at('one_step', 'last')));
  });

  it.each([{ optimizer: 'adamw' }, { optimizer: 'sgd', momentum: 0 }] as GivenSettings[])(
    'of the optimizer goes on as if it had not been stopped: %j',
    async (other) => {
      const [straight, pieces] = [other.optimizer!, `${other.optimizer}_in_pieces`].map((name) =>
        at(name),
      ) as [string, string];
      await train({
        config: whole,
        out: straight,
        samRho: 0,
        samAdaptive: false,
        epochs: 1,
        ...other,
      });
      await train({ config: straight, out: pieces, maxSteps: 1 });
      await train({ resume: pieces });
      expectSameRun(pieces, straight);
    },
  );
});

describe('settings', () => {
  const data = 'somewhere';

  it('bring along the defaults of what is chosen', () => {
    expect(freshSettings({ data })).toMatchObject({ optimizer: 'adam', decay: 0.98 });
    expect(freshSettings({ data, optimizer: 'adamw' }).weightDecay).toBe(0.01);
    expect(freshSettings({ data, optimizer: 'sgd' })).toMatchObject({
      momentum: 0.9,
      weightDecay: 0,
    });
    expect(freshSettings({ data, schedule: 'step' })).toMatchObject({
      decay: 0.1,
      decayEpochs: 30,
    });
    expect(freshSettings({ data, schedule: 'constant' }).decay).toBeUndefined();
    expect(freshSettings({ data, preset: 'tiny', schedule: 'exponential' }).decay).toBe(0.8);
  });

  it.each([
    [{ optimizer: 'lion' }, "--optimizer is 'lion': use adam, adamw or sgd"],
    [{ schedule: 'poly' }, "--schedule is 'poly': use exponential, cosine, step or constant"],
    [{ momentum: 0.9 }, '--momentum is for --optimizer sgd, not adam'],
    [{ optimizer: 'sgd', momentum: 1 }, '--momentum must be a number from 0 to below 1, not 1'],
    [{ schedule: 'cosine', decay: 0.9 }, '--decay is for --schedule exponential or step, not c'],
    [{ decayEpochs: 3 }, '--decay-epochs is for --schedule step, not exponential'],
    [{ schedule: 'step', decayEpochs: 1.5 }, '--decay-epochs must be an integer from 1 on'],
    [{ weightDecay: -1 }, '--weight-decay must be a number from 0 on, not -1'],
    [{ clipNorm: Number.NaN }, '--clip-norm must be a number from 0 on, not NaN'],
    [{ labelSmoothing: 1 }, '--label-smoothing must be a number from 0 to below 1, not 1'],
    [{ epochs: 5, warmupEpochs: 5 }, '--warmup-epochs must be a number from 0 to below the 5 of'],
    [{ samRho: 0, samAdaptive: true }, '--sam-adaptive needs a --sam-rho above 0'],
    [{ classWeights: 'even' }, "--class-weights is 'even': use none, balanced, or numbers"],
    [{ classWeights: [1, -1] }, "--class-weights is '1,-1': use none, balanced, or numbers"],
    [{ augmentation: { flip: 2 } }, 'flip must be a number from 0 to 1, not 2'],
  ] as [GivenSettings, string][])('%j are refused', (settings, message) => {
    expect(() => freshSettings({ data, ...settings })).toThrow(message);
  });

  it('are said in a line', () => {
    expect(recipeText(freshSettings({ data, dataType: 'AffectNet-7' }))).toBe(
      'adam in SAM of ρ 0.05, rate × 0.98 an epoch, classes drawn equally often; flip 0.5, erasing 1',
    );
    const { data: _, ...chosen } = everything;
    expect(recipeText(freshSettings({ data, ...chosen }))).toBe(
      'sgd momentum 0.8 weight decay 0.001 gradient norm up to 1 in adaptive SAM of ρ 0.5, ' +
        'rate along a cosine after 0.5 epochs of warm-up, labels smoothed by 0.1, class weights ' +
        'balanced; flip 0.5, affine ±10° ±0.1 × 0.9–1.1 shear ±5°, color jitter 0.4 0.4 0.4 0.1, ' +
        'RandAugment 1 × 9',
    );
  });
});

describe('what cannot be', () => {
  it.each([
    [{ optimizer: 'adam' }, '--optimizer was sgd from the start of this run, and must stay so'],
    [{ momentum: 0 }, '--momentum was 0.8 from the start of this run: it cannot be 0'],
  ] as [GivenSettings, string][])('to resume with %j', async (settings, message) => {
    expect(await messageOf(train({ resume: whole, epochs: 3, ...settings }))).toContain(message);
  });

  it('as many class weights as there are no classes', async () => {
    const out = at('weights');
    const message = await messageOf(train({ ...everything, out, classWeights: [1, 2] }));
    expect(message).toContain('--class-weights has 2 weights: RAF-DB has 7 classes');
  });

  it('a config.json of something else', async () => {
    const out = at('nothing');
    const path = join(folder, 'other.json');
    const failure = () => messageOf(train({ config: path, out }));
    expect(await failure()).toMatch(/^UserError: cannot read .*other\.json: /);
    for (const [text, problem] of [
      ['{"data"', /other\.json is no run's config\.json: .*JSON/],
      ['[]', /it is no object of settings/],
      ['{"data": "x", "batch": 3}', /it has batch, which is no setting/],
      ['{"data": "x", "toString": 3}', /it has toString, which is no setting/],
      ['{"data": 7}', /data is 7: expected a value of type string/],
      ['{"data": "x", "epochs": "3"}', /epochs is "3": expected a value of type number/],
      ['{"data": "x", "momentum": null}', /momentum is null: expected a value of type number/],
    ] as const) {
      writeFileSync(writeFile(path), text);
      expect(await failure()).toMatch(problem);
    }
    expect(await messageOf(train({ config: whole, resume: whole }))).toContain(
      '--config is for a new run: --resume brings the settings of its own',
    );
  });
});

it('erasing that a run did without stays away, resumed or run again', async () => {
  const out = at('without_erasing');
  const { augmentation } = freshSettings({ data: 'x', augmentation: { erasing: undefined } });
  expect('erasing' in augmentation && augmentation.erasing).toBeUndefined();
  await train({ ...everything, out, augmentation: { flip: 0.3, erasing: undefined }, maxSteps: 1 });
  await train({ resume: out, maxSteps: 1 });
  expect(config(out).augmentation).toEqual({ flip: 0.3 });
  // Of a data type whose recipe erases, at full size.
  const path = writeFile(at('full.json'), JSON.stringify({ ...config(out), preset: 'full' }));
  const { augmentation: again } = freshSettings(await withConfig({ config: path }));
  expect(JSON.stringify(again)).toBe('{"flip":0.3}');
});

describe('the command', () => {
  it('takes each choice, says it, and runs it again from the config', async () => {
    const out = at('by_command');
    const { code, out: said } = await runCommand(
      ...['train', '--data', at('data'), '--preset', 'tiny', '--batch-size', '4', '--epochs', '2'],
      ...['--seed', '5', '--optimizer', 'sgd', '--lr', '0.01', '--momentum', '0.8'],
      ...['--weight-decay', '1e-3', '--sam-rho', '0.5', '--sam-adaptive', '--clip-norm', '1'],
      ...['--schedule', 'cosine', '--warmup-epochs', '0.5', '--label-smoothing', '0.1'],
      ...['--class-weights', 'balanced', '--color-jitter', '0.4,0.4,0.4,0.1'],
      ...['--affine', '10,0.1,0.9,1.1,5', '--rand-augment', '1,9', '--out', out],
    );
    expect(code).toBe(0);
    expect(said).toContain('sgd momentum 0.8 weight decay 0.001 gradient norm up to 1 in adaptive');
    expect(config(out)).toEqual(config(whole));
    expectSameRun(out, whole);
    const other = at('by_command_again');
    const again = await runCommand(
      ...['train', '--config', out, '--affine', 'none', '--color-jitter', '0.2'],
      ...['--no-sam-adaptive', '--schedule', 'step', '--decay', '0.3', '--decay-epochs', '2'],
      ...['--max-steps', '1', '--out', other],
    );
    expect(again.code).toBe(0);
    const { schedule: _, augmentation, ...rest } = config(out);
    const { affine: __, ...kept } = augmentation as Record<string, object>;
    const colorJitter = { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0 };
    expect(config(other)).toEqual({
      ...rest,
      samAdaptive: false,
      schedule: 'step',
      decay: 0.3,
      decayEpochs: 2,
      augmentation: { ...kept, colorJitter },
    });
  });
});
