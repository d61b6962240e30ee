import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { calibrationSvg } from '../../../src/node/charts/calibration_svg.js';
import { classBarsSvg } from '../../../src/node/charts/class_bars_svg.js';
import { confusionMatrixSvg } from '../../../src/node/charts/confusion_matrix_svg.js';
import { curvesSvg, type EpochRecord } from '../../../src/node/charts/curves_svg.js';
import { robustnessSvg } from '../../../src/node/charts/robustness_svg.js';
import { calibration } from '../../../src/training/calibration.js';
import { corruptionNames, severities } from '../../../src/training/corruption.js';
import { classReport } from '../../../src/training/metrics.js';

const matrix = [
  [2999, 1, 0],
  [1, 1, 0],
  [0, 0, 0],
];
const classNames = ['happiness', '<b> & "c"', 'absent'];

/** What a reader sees: the document's texts without the markup. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
}

/** Mean of each channel, 0…255, after a renderer has drawn the document. */
async function render(svg: string): Promise<sharp.Stats & { width: number; height: number }> {
  const image = sharp(Buffer.from(svg));
  const { width, height } = await image.metadata();
  return { ...(await image.stats()), width, height };
}

function epochs(count: number): EpochRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    epoch: i + 1,
    loss: { total: 6 / (i + 1), vit: 2 / (i + 1), bt: 2 / (i + 1), cba: 2 / (i + 1) },
    accuracy: { train: 1 - 0.5 / (i + 1), test: i === 3 ? 0.8751 : 0.6 },
  }));
}

describe('confusionMatrixSvg', () => {
  it('shows counts, shares, recalls and the accuracies', async () => {
    const texts = textsOf(
      await confusionMatrixSvg({ matrix, classNames, title: 'Title', subtitle: 'Which model' }),
    );
    expect(texts).toEqual(
      expect.arrayContaining([
        'Title',
        'Accuracy 99.93% · mean class accuracy 74.98% · 3,002 images',
        'Which model',
        'true',
        'predicted',
        'recall',
        '2,999',
        '&gt;99%',
        '&lt;1%',
        '50%',
        '100.0%',
        '50.0%',
        '–',
      ]),
    );
    expect(texts.filter((text) => text === 'happiness')).toHaveLength(2);
  });

  it('escapes what class names and titles hold', async () => {
    const svg = await confusionMatrixSvg({
      matrix,
      classNames,
      title: '</text><script>alert(1)</script>\u0007',
    });
    expect(svg).not.toContain('<script');
    expect(svg).not.toContain('<b>');
    expect(svg).not.toContain('\u0007');
    await render(svg);
  });

  it('stands on its own: no style sheet, variable or inherited colour', async () => {
    const svg = await confusionMatrixSvg({ matrix, classNames });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="\d+" height="\d+"/);
    expect(svg).not.toMatch(/<style|var\(|currentColor|class=|href/);
    const { channels, width, height } = await render(svg);
    expect([width, height]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(width).toBeGreaterThan(400);
    // Blue ink on white.
    expect(channels[0]!.mean).toBeLessThan(channels[2]!.mean);
    expect(channels[0]!.max).toBe(255);
  });

  it('draws a matrix of zeros', async () => {
    const texts = textsOf(await confusionMatrixSvg({ matrix: [[0]], classNames: ['only'] }));
    expect(texts).toContain('Accuracy – · mean class accuracy – · 0 images');
  });

  it('refuses names that are not one per class', async () => {
    await expect(confusionMatrixSvg({ matrix, classNames: ['a'] })).rejects.toThrow(
      '1 class names for 3 classes',
    );
  });
});

describe('curvesSvg', () => {
  it('draws each series and marks the best epoch', async () => {
    const svg = await curvesSvg(epochs(40), 'RAF-DB');
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining([
        'RAF-DB',
        '40 epochs · best test accuracy 87.51%, epoch 4',
        '● total',
        '● vit',
        '● bt',
        '● cba',
        '● train',
        '● test',
        '1',
        '40',
      ]),
    );
    expect([
      ...svg.matchAll(/<path[^>]*stroke="#(2563eb|d97706|059669|9ca3af|1f2937)"/g),
    ]).toHaveLength(6);
    await render(svg);
  });

  it('marks the best epoch on held-out images where there are some', async () => {
    const records = [0.5, 0.75, 0.25].map((validation, i) => ({
      epoch: i + 1,
      loss: { total: 1 },
      accuracy: { train: 1, validation },
    }));
    const texts = textsOf(await curvesSvg(records));
    expect(texts).toContain('3 epochs · best validation accuracy 75.00%, epoch 2');
    expect(texts).toContain('● validation');
    expect(texts).not.toContain('● test');
  });

  it('draws only what there is', async () => {
    const svg = await curvesSvg([
      { epoch: 1, loss: { total: 2, vit: Number.NaN }, accuracy: {} },
      { epoch: 2, loss: { total: 1, vit: Number.POSITIVE_INFINITY }, accuracy: {} },
    ]);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(textsOf(svg)).toContain('● total');
    expect(textsOf(svg)).not.toContain('● vit');
    expect(textsOf(svg)).toContain('2 epochs');
  });

  it('draws the learning rate where it is known', async () => {
    const rates = epochs(3).map((each, i) => ({ ...each, learningRate: 2e-5 * 0.5 ** i }));
    const texts = textsOf(await curvesSvg(rates));
    expect(texts).toEqual(expect.arrayContaining(['learning rate', '2e-5', '5e-6']));
    expect(textsOf(await curvesSvg(epochs(3)))).not.toContain('learning rate');
  });

  it.each([0, 1])('draws %d epochs', async (count) => {
    const svg = await curvesSvg(epochs(count));
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    await render(svg);
  });
});

describe('classBarsSvg', () => {
  it('draws three bars a class, and a dash where a ratio is undefined', async () => {
    const svg = await classBarsSvg({ report: classReport(matrix), classNames, subtitle: 'Which' });
    const texts = textsOf(svg);
    expect(texts).toEqual(
      expect.arrayContaining([
        'Mean class accuracy (mean of the recalls) 74.98%',
        'Which',
        'happiness',
        '&lt;b&gt; &amp; "c"',
        '■ precision',
        '50%',
      ]),
    );
    expect(texts.filter((text) => text === '–')).toHaveLength(3);
    expect(svg).not.toMatch(/<style|var\(|currentColor|class=|href|NaN|undefined/);
    await render(svg);
  });
});

describe('calibrationSvg', () => {
  it('draws a bar and a mark for each bin that has predictions', async () => {
    const svg = await calibrationSvg({
      calibration: calibration([0.9, 0.1, 0.6, 0.4, 0.2, 0.8], [0, 1, 1], 2),
      title: 'Title',
      subtitle: 'Which <model>',
    });
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining([
        'Title',
        'ECE 30.00% (15 bins) · negative log-likelihood 0.415 · 3 images',
        'Which &lt;model&gt;',
        'accuracy',
        'images',
        '100%',
      ]),
    );
    const [marks, bars] = ['aria-label="rule"', 'aria-label="rect"'].map(
      (label) => svg.split(label).length - 1,
    );
    expect([marks, bars]).toEqual([1, 2]);
    expect(svg).not.toMatch(/<style|var\(|currentColor|class=|href|NaN|undefined/);
    const { channels, width } = await render(svg);
    expect(width).toBeGreaterThan(400);
    expect(channels[0]!.mean).toBeLessThan(channels[2]!.mean);
  });

  it('draws no predictions', async () => {
    const svg = await calibrationSvg({ calibration: calibration([], [], 2) });
    expect(textsOf(svg)).toContain('ECE – (15 bins) · negative log-likelihood – · 0 images');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    await render(svg);
  });
});

describe('robustnessSvg', () => {
  const robustness = corruptionNames.flatMap((corruption, i) =>
    severities.map((severity) => ({ corruption, severity, accuracy: 0.9 - 0.03 * i * severity })),
  );

  it('draws a line for each corruption, and names it', async () => {
    const svg = await robustnessSvg({ accuracy: 0.9, robustness, subtitle: 'Which model' });
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining([
        'Accuracy 90.00% as it is, each image alone (vit)',
        'Which model',
        'as it is',
        'severity',
        ...corruptionNames,
      ]),
    );
    expect([...svg.matchAll(/<path[^>]*stroke="#[0-9a-f]{6}"/g)]).toHaveLength(5);
    expect(svg).not.toMatch(/<style|var\(|currentColor|class=|href|NaN|undefined/);
    await render(svg);
  });

  it('keeps names apart where lines end together', async () => {
    const same = robustness.map((each) => ({ ...each, accuracy: 0.5 }));
    const svg = await robustnessSvg({ accuracy: 0.5, robustness: same });
    const label = new RegExp(
      `translate\\([\\d.]+,([\\d.]+)\\)" y="0.32em">(?:${corruptionNames.join('|')})<`,
      'g',
    );
    const heights = [...svg.matchAll(label)].map(([, y]) => Number(y)).sort((a, b) => a - b);
    expect(heights).toHaveLength(5);
    for (const [i, y] of heights.slice(1).entries()) {
      expect(y - heights[i]!).toBeGreaterThan(12);
    }
  });

  it('draws one severity, or nothing', async () => {
    const one = robustness.filter(({ severity }) => severity === 3);
    for (const of of [one, []]) {
      const svg = await robustnessSvg({ accuracy: null, robustness: of });
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      await render(svg);
    }
  });
});
