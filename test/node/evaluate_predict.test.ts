import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../src/node/backend.js';
import { evaluate } from '../../src/node/evaluate.js';
import { predict } from '../../src/node/predict.js';
import { train } from '../../src/node/train.js';
import { classNamesOf } from '../../src/training/data_types.js';
import { drawSmallData, stripes } from './small_data.js';
import { messageOf, temporaryFolder, writeFile } from './temporary_folder.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const [data, run] = [at('data'), at('run')];

beforeAll(async () => {
  await selectBackend();
  await drawSmallData(data, { testPerClass: 2 });
  await train({ data, preset: 'tiny', epochs: 1, out: run });
});

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
    const result = await evaluate({ ...given, batchSize: 5, out, onProgress });
    expect(result).toMatchObject({ checkpoint: join(run, 'best'), skipped: [] });
    expect(result.matrix.map((row) => row.reduce((sum, n) => sum + n))).toEqual(Array(7).fill(2));
    expect(progress).toEqual([
      [5, 14],
      [10, 14],
      [14, 14],
    ]);
    expect(readdirSync(out).sort()).toEqual(['confusion_matrix.svg', 'report.txt']);
    expect(readFileSync(result.files!.report, 'utf8')).toContain('of 14 images');
    const alone = await evaluate({ ...given, batchSize: 1 });
    expect(alone).toMatchObject({ matrix: result.matrix, report: result.report });
    expect(alone.files).toBeUndefined();
    expect(tf.memory().numTensors).toBe(before);
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
