import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BtnConfig, btn, btnConfig } from '../../../src/models/index.js';
import { selectBackend } from '../../../src/node/backend.js';
import { evaluate } from '../../../src/node/evaluation/evaluate.js';
import { predict } from '../../../src/node/evaluation/predict.js';
import { decodeImage } from '../../../src/node/images/decode_image.js';
import { type BtnMetadata, describeModel, loadBtn } from '../../../src/node/models/btn_files.js';
import { saveModelFiles } from '../../../src/node/models/model_files.js';
import { train } from '../../../src/node/training/train.js';
import { type Images, normalise } from '../../../src/training/augmentation.js';
import { corrupt } from '../../../src/training/corruption.js';
import { classNamesOf } from '../../../src/training/data_types.js';
import { predictedClasses } from '../../../src/training/metrics.js';
import { forward } from '../../../src/training/step.js';
import { drawSmallData, stripes } from '../small_data.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const [data, run] = [at('data'), at('run')];

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(data, { testPerClass: 2 });
  await train({ data, preset: 'tiny', epochs: 1, out: run });
});

/** Outputs of the whole network for one batch. */
function batchLogits(model: LayersModel, { pixels, size }: Images) {
  return tf.tidy(() => {
    const count = pixels.length / (size * size * 3);
    const images = tf.tensor4d(normalise({ pixels, size }), [count, size, size, 3]);
    const outputs = Object.entries(forward(model, images));
    return Object.fromEntries(
      outputs.map(([name, logits]) => [name, (logits as tf.Tensor).dataSync() as Float32Array]),
    ) as unknown as tf.TensorContainer;
  }) as unknown as Record<'vit' | 'bt' | 'cba', Float32Array>;
}

describe('predict', () => {
  it('reads every kind of picture, and counts those it cannot', async () => {
    const before = tf.memory().numTensors;
    const photo = () => stripes(2);
    const jpeg = await photo().jpeg().toBuffer();
    const huge = { width: 20000, height: 6000, channels: 3, background: 'red' } as const;
    const good = {
      'plain.png': photo().png(),
      'gray.jpg': photo().grayscale().jpeg(),
      'cmyk.jpg': photo().toColourspace('cmyk').jpeg(),
      'alpha.png': photo().ensureAlpha(0.5).png(),
      'turned.jpg': photo().withMetadata({ orientation: 6 }).jpeg(),
      'wide.webp': photo().resize(4000, 3, { fit: 'fill' }).webp(),
      'one pixel.png': photo().resize(1, 1).png(),
    };
    const bad = {
      'empty.jpg': '',
      'text.jpg': 'no picture',
      'cut.jpg': jpeg.subarray(0, jpeg.length / 2),
      'huge.png': await sharp({ create: huge }).png({ compressionLevel: 1 }).toBuffer(),
    };
    for (const [name, image] of Object.entries(good)) writeFile(at(name), await image.toBuffer());
    for (const [name, content] of Object.entries(bad)) writeFile(at(name), content);
    const paths = [...Object.keys(good), ...Object.keys(bad), 'missing.jpg'].map((name) =>
      at(name),
    );
    const progress: number[] = [];
    const { predictions, skipped } = await predict({
      checkpoint: run,
      images: [...paths, folder],
      onProgress: (done) => progress.push(done),
    });
    expect(predictions.map(({ path }) => path)).toEqual(Object.keys(good).map((name) => at(name)));
    for (const { label, probabilities } of predictions) {
      expect(Object.keys(probabilities)).toEqual(classNamesOf('RAF-DB'));
      const values = Object.values(probabilities);
      expect(values.reduce((sum, value) => sum + value)).toBeCloseTo(1, 5);
      expect(probabilities[label]).toBe(Math.max(...values));
    }
    expect(skipped).toEqual([
      { path: at('empty.jpg'), reason: expect.stringContaining('empty (0 bytes)') },
      { path: at('text.jpg'), reason: expect.stringContaining('it is not an image') },
      { path: at('cut.jpg'), reason: expect.stringContaining('truncated or damaged') },
      { path: at('huge.png'), reason: expect.stringContaining('more than 100 megapixels') },
      { path: at('missing.jpg'), reason: expect.stringContaining('no such file') },
      { path: folder, reason: 'it is not a regular file' },
    ]);
    expect(progress.at(-1)).toBe(paths.length + 1);
    for (const name of Object.keys(bad)) {
      const strict = predict({
        checkpoint: run,
        images: [at('plain.png'), at(name)],
        strict: true,
      });
      expect(await messageOf(strict)).toMatch(new RegExp(`^DecodeError: .*${name}: `));
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('does not depend on what else it is asked for', async () => {
    const images = [0, 1].map((i) => join(data, 'test', '3', `test_${i}.png`));
    const { predictions } = await predict({ checkpoint: join(run, 'best'), images });
    for (const [i, image] of images.entries()) {
      const alone = await predict({ checkpoint: join(run, 'best', 'model.json'), images: [image] });
      expect(alone.predictions).toEqual([predictions[i]]);
    }
  });
});

describe('evaluate', () => {
  const given = { data, dataType: 'RAF-DB', checkpoint: run } as const;

  it('counts each image, however many at once, and writes what it found', async () => {
    const before = tf.memory().numTensors;
    const out = at('evaluation');
    const progress: number[][] = [];
    const onProgress = (...state: number[]) => progress.push(state);
    const result = await evaluate({ ...given, batchSize: 5, workers: 1, out, onProgress });
    expect(result).toMatchObject({ checkpoint: join(run, 'best'), skipped: [] });
    expect(result.matrix.map((row) => row.reduce((sum, n) => sum + n))).toEqual(Array(7).fill(2));
    expect(progress).toEqual([
      [5, 14],
      [10, 14],
      [14, 14],
    ]);
    expect(readdirSync(out).sort()).toEqual([
      'calibration.png',
      'calibration.svg',
      'classes.png',
      'classes.svg',
      'confusion_matrix.png',
      'confusion_matrix.svg',
      'predictions.csv',
      'report.html',
      'report.json',
      'report.txt',
    ]);
    expect(readFileSync(result.files!.report, 'utf8')).toContain('of 14 images');
    const alone = await evaluate({ ...given, batchSize: 1 });
    expect(alone).toMatchObject({ matrix: result.matrix, report: result.report });
    expect(alone.files).toBeUndefined();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('writes each prediction and every number', async () => {
    const out = at('numbers');
    const result = await evaluate({
      ...given,
      corruptions: ['dark', 'blur'],
      severities: [5],
      out,
    });
    const { predictions, notes: _, files, ...numbers } = result;
    expect(JSON.parse(readFileSync(files!.json, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(numbers)),
    );
    const [head, ...lines] = readFileSync(files!.predictions, 'utf8').trimEnd().split('\r\n');
    expect(head).toBe(`path,label,prediction,${classNamesOf('RAF-DB').join(',')}`);
    expect(lines).toHaveLength(14);
    const fields = lines.map((line) => line.split(','));
    expect(fields.map(([path]) => path)).toEqual(predictions.map(({ path }) => path));
    const right = fields.filter(([, label, prediction]) => label === prediction).length;
    expect(right / 14).toBe(result.report.accuracy);
    for (const [path, label, prediction, ...probabilities] of fields) {
      expect(path).toContain(
        join('test', `${classNamesOf('RAF-DB').indexOf(label as 'fear') + 1}`),
      );
      const highest = Math.max(...probabilities.map(Number));
      expect(classNamesOf('RAF-DB')[probabilities.map(Number).indexOf(highest)]).toBe(prediction);
    }
    const sheet = await sharp(files!.corruptions).metadata();
    expect([sheet.width, sheet.height]).toEqual([92 + 2 * 118, 26 + 2 * 118]);
    expect(readFileSync(files!.robustness!, 'utf8')).toContain('>blur<');
    const page = readFileSync(files!.page, 'utf8');
    expect(page).toContain('<th scope="row">blur</th>');
    const wrong = predictions.filter((each) => each.label !== each.prediction).length;
    expect(page.match(/<li><img src="data:image\/webp/g)).toHaveLength(wrong);
    expect(page.match(/<tr><th scope="row" class="(missed)?"><button/g)).toHaveLength(14);
  });

  it('does to vit what predict does', async () => {
    for (const flipAverage of [false, true]) {
      const { predictions } = await evaluate({ ...given, batchSize: 4, flipAverage });
      const images = predictions.map(({ path }) => path);
      const alone = await predict({ checkpoint: run, images, flipAverage });
      predictions.forEach(({ probabilities }, i) => {
        const expected = Object.values(alone.predictions[i]!.probabilities);
        for (const [c, value] of probabilities.entries()) {
          expect(value).toBeCloseTo(expected[c]!, 5);
        }
      });
    }
  });

  it('has bt and cba equal vit where nobody shares a batch', async () => {
    const { report, batch } = await evaluate({ ...given, batchSize: 1 });
    const alone = {
      shuffles: Array(5).fill(report.accuracy),
      mean: report.accuracy,
      standardDeviation: 0,
      inClassOrder: report.accuracy,
    };
    expect(batch).toEqual({ batchSize: 1, lastBatchSize: 1, bt: alone, cba: alone });
  });

  it('has bt and cba of a batch as the network gives them, in any order', async () => {
    const { predictions, batch } = await evaluate({ ...given, batchSize: 14 });
    const { model, metadata } = await loadBtn(run);
    const size = metadata.config.inputSize;
    const decoded = await Promise.all(predictions.map(({ path }) => decodeImage(path, size)));
    const pixels = Uint8Array.from(decoded.flatMap((image) => [...image]));
    const logits = batchLogits(model, { pixels, size });
    model.dispose();
    for (const name of ['bt', 'cba'] as const) {
      const predicted = predictedClasses(logits[name]!, 7);
      const right = predictions.filter(({ label }, i) => label === predicted[i]).length;
      expect(batch![name].inClassOrder).toBe(right / 14);
      expect(batch![name].shuffles).toEqual(Array(5).fill(right / 14));
    }
  });

  it('shuffles the same each time, and says how large the last batch was', async () => {
    const first = await evaluate({ ...given, batchSize: 4 });
    expect(first.batch).toMatchObject({ batchSize: 4, lastBatchSize: 2 });
    expect(await evaluate({ ...given, batchSize: 4 })).toEqual(first);
  });

  it('leaves out bt and cba where told to, or where there are none', async () => {
    const vitOnly = await evaluate({ ...given, vitOnly: true });
    expect(vitOnly.batch).toBeUndefined();
    const posterV2 = at('poster_v2');
    const config = { ...btnConfig('tiny', { numClasses: 7, seed: 1 }), batchTransformer: false };
    const model = btn(config as BtnConfig);
    const classNames = classNamesOf('RAF-DB');
    describeModel(model, { preset: 'tiny', config, dataType: 'RAF-DB', classNames } as BtnMetadata);
    await saveModelFiles(model, posterV2);
    model.dispose();
    const without = await evaluate({ ...given, checkpoint: posterV2 });
    expect(without.batch).toBeUndefined();
    expect(without.report.total).toBe(14);
  });

  it('tests on corrupted images as they are made, whatever the batch', async () => {
    const sweep = { corruptions: ['noise', 'occlusion'], severities: [2, 5] } as const;
    const progress: number[][] = [];
    const onProgress = (...state: number[]) => progress.push(state);
    const { robustness, predictions } = await evaluate({ ...given, ...sweep, onProgress });
    expect(robustness.map(({ corruption, severity }) => [corruption, severity])).toEqual([
      ['occlusion', 2],
      ['occlusion', 5],
      ['noise', 2],
      ['noise', 5],
    ]);
    expect(progress.at(-1)).toEqual([70, 70]);
    const { model, metadata } = await loadBtn(run);
    const size = metadata.config.inputSize;
    for (const { corruption, severity, accuracy } of robustness) {
      let right = 0;
      for (const [index, { path, label }] of predictions.entries()) {
        const image = { pixels: await decodeImage(path, size), size };
        const pixels = corrupt(image, [index], corruption, severity, 1);
        const [predicted] = predictedClasses(batchLogits(model, { pixels, size }).vit, 7);
        right += Number(predicted === label);
      }
      expect(accuracy).toBe(right / 14);
    }
    model.dispose();
  });

  it('agrees with the report of the run', async () => {
    const { best } = await train({ resume: run });
    const { matrix } = await evaluate({ ...given, checkpoint: join(run, 'best') });
    expect(matrix).toEqual(best?.evaluation.matrix);
  });

  it('leaves unusable files out, or fails on the first of them, read ahead or not', async () => {
    const damaged = await drawSmallData(at('damaged'));
    const bad = writeFile(join(damaged, 'test', '2', 'bad.jpg'), 'no picture');
    const { skipped, report } = await evaluate({ ...given, data: damaged, batchSize: 2 });
    expect(skipped).toEqual([{ path: bad, reason: expect.stringContaining('not an image') }]);
    expect(report.total).toBe(7);
    const strict = evaluate({ ...given, data: damaged, batchSize: 1, strict: true });
    expect(await messageOf(strict)).toMatch(/^DecodeError: .*bad\.jpg: it is not an image/);
  });

  it('explains what does not fit', async () => {
    const eight = await drawSmallData(at('eight'), { dataType: 'AffectNet-8' });
    const message = (options: object) => messageOf(evaluate({ ...given, ...options }));
    expect(await message({ data: eight })).toMatch(/8 label folders but RAF-DB has 7 classes: use/);
    expect(await message({ data: eight, dataType: 'AffectNet-8' })).toMatch(
      /best was trained on RAF-DB \(7 classes\), not on AffectNet-8: pass --data_type RAF-DB/,
    );
    expect(await message({ data: at('none') })).toMatch(/cannot read the folder .*none: no such/);
    expect(await message({ checkpoint: data })).toMatch(/no checkpoint in .*data: expected a run/);
    const file = join(run, 'config.json');
    expect(await message({ out: join(file, 'x') })).toMatch(/cannot write .*: part of the path is/);
  });

  it('explains that nothing can be read', async () => {
    const nothing = await drawSmallData(at('nothing'));
    for (let label = 1; label <= 7; label++) {
      writeFile(join(nothing, 'test', `${label}`, 'test_0.png'), '');
    }
    const before = tf.memory().numTensors;
    expect(await messageOf(evaluate({ ...given, data: nothing }))).toMatch(
      /^UserError: none of the 7 images can be decoded; the last: .*: the file is empty/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});
