import { createHash } from 'node:crypto';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import type { FullEvaluation, ImagePrediction } from '../../../src/node/report/report.js';
import { type ReportPage, reportPage } from '../../../src/node/report/report_page.js';
import { calibration } from '../../../src/training/calibration.js';
import { classReport } from '../../../src/training/metrics.js';

const hostile = `/data/test/1/"><img src=x onerror=alert(1)>\u202e<script>'.jpg`;
const classNames = ['happiness', '<i>fear</i>'];
const picture = 'data:image/webp;base64,AA';

const predictions: ImagePrediction[] = [
  { path: hostile, label: 0, prediction: 1, probabilities: [0.125, 0.875] },
  { path: 'b.jpg', label: 1, prediction: 1, probabilities: [0.25, 0.75] },
];

const accuracy = { shuffles: [0.5], mean: 0.5, standardDeviation: 0.125, inClassOrder: 1 };

const result: FullEvaluation = {
  classNames,
  matrix: [
    [0, 1],
    [0, 1],
  ],
  report: classReport([
    [0, 1],
    [0, 1],
  ]),
  intervals: { accuracy: { lower: 0.25, upper: 0.75 }, meanClassAccuracy: null },
  calibration: calibration([0.125, 0.875, 0.25, 0.75], [0, 1], 2),
  batch: { batchSize: 2, lastBatchSize: 2, bt: accuracy, cba: accuracy },
  robustness: [{ corruption: 'dark', severity: 2, accuracy: 0.375, meanClassAccuracy: null }],
  predictions,
  flipAverage: false,
  dataType: 'RAF-DB',
  data: hostile,
  checkpoint: 'run',
  skipped: [],
  passedOver: 0,
};

const log = [1, 2].map((epoch) => ({
  epoch,
  learningRate: 2e-5,
  loss: { total: 3 / epoch, vit: 1, bt: 1, cba: 1 },
  accuracy: { train: 0.5, test: 0.5 },
  meanClassAccuracy: 0.5,
  seconds: 1,
  imagesPerSecond: 2,
}));

const attention = {
  images: [0, 1],
  weights: [
    [
      [0.75, 0.25],
      [0.5, 0.5],
    ],
    [
      [0.125, 0.875],
      [0, 1],
    ],
  ],
  vit: [
    [1, 2],
    [3, 4],
  ],
  cba: [
    [1.5, 3.75],
    [2, 4],
  ],
};

const page: ReportPage = {
  title: hostile,
  facts: [['data', hostile]],
  settings: { data: hostile, erasing: { probability: 0.5 } },
  log,
  result,
  images: {
    wrong: [{ image: predictions[0]!, picture }],
    batch: { attention, images: predictions, pictures: [picture, picture] },
  },
};

const texts = (elements: ArrayLike<{ textContent: string | null }>) =>
  Array.from(elements, ({ textContent }) => textContent);

describe('reportPage', () => {
  it('has all there is to show', async () => {
    const { document } = parseHTML(await reportPage(page));
    expect(texts(document.querySelectorAll('section h2'))).toEqual([
      'What and how',
      'Training',
      'Confusion matrix',
      'Classes',
      'Calibration',
      'Outputs that depend on the batch',
      'Corrupted images',
      'The most wrong',
      'Who looks at whom in a batch',
    ]);
    expect(texts(document.querySelectorAll('.figures dd'))).toContain(
      '95% interval 25.00% to 75.00%',
    );
    expect(texts(document.querySelectorAll('#batch tbody td'))).toEqual([
      '50.00%',
      '50.00%',
      '50.00% ± 12.50%',
      '100.00%',
      '50.00% ± 12.50%',
      '100.00%',
    ]);
    expect(texts(document.querySelectorAll('#robustness tbody td'))).toEqual(['50.0%', '37.5%']);
    expect(texts(document.querySelectorAll('.wrong li .bars span'))).toEqual([
      '<i>fear</i>',
      '87.5%',
      'happiness',
      '12.5%',
    ]);
    for (const element of Array.from(document.querySelectorAll('img, .panels svg:first-child'))) {
      expect(element.getAttribute('alt') ?? element.getAttribute('aria-label')).toMatch(/\w/);
    }
  });

  it('leaves out what there is not, and needs no script then', async () => {
    const { batch: _, ...alone } = result;
    const right = { ...alone, robustness: [], predictions: [predictions[1]!] };
    const text = await reportPage({ ...page, log: [], result: right, images: { wrong: [] } });
    const { document } = parseHTML(text);
    expect(document.querySelectorAll('#training, #batch, #robustness, #attention')).toHaveLength(0);
    expect(document.querySelector('#wrong')!.textContent).toContain(
      'every image was named rightly',
    );
    expect(document.querySelectorAll('script')).toHaveLength(0);
    const policy = document.querySelector('meta[http-equiv]')!.getAttribute('content');
    expect(policy).toMatch(/; script-src 'none'$/);
  });

  it('shows names as text, whatever they hold', async () => {
    const text = await reportPage(page);
    const { document } = parseHTML(text);
    const shown = hostile.replace('\u202e', '\ufffd');
    expect(document.querySelector('h1')!.textContent).toBe(shown);
    expect(document.querySelector('.file')!.textContent).toBe(shown.slice('/data/'.length));
    expect(document.querySelectorAll('[onerror], section i:not(.bars i, .scale i)')).toHaveLength(
      0,
    );
    expect(text).not.toContain('\u202e');
    expect(document.querySelectorAll('script')).toHaveLength(2);
  });

  it('loads nothing: every address is in it, and its policy allows its own script alone', async () => {
    const text = await reportPage(page);
    const { document } = parseHTML(text);
    for (const element of Array.from(document.querySelectorAll('[src], [href]'))) {
      const address = element.getAttribute('src') ?? element.getAttribute('href')!;
      expect(address).toMatch(/^(data:image\/webp;|#\w+$)/);
    }
    expect(text).not.toMatch(/@import|url\(/);
    const script = document.querySelector('script:not([type])')!.textContent!;
    const hash = createHash('sha256').update(script).digest('base64');
    const policy = document.querySelector('meta[http-equiv]')!.getAttribute('content');
    expect(policy).toBe(
      `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`,
    );
  });

  it('shows the attention of the class that is chosen, and of the image that is pointed at', async () => {
    const { document, Event } = parseHTML(await reportPage(page));
    const cells = () => texts(document.querySelectorAll('.heat tbody td'));
    // The class in which images look least at themselves, without a script.
    expect(cells()).toEqual(['13', '88', '0', '100']);
    const select = document.querySelector('select')!;
    // linkedom keeps no value of its own.
    let value = '1';
    Object.defineProperty(select, 'value', { get: () => value });
    new Function('document', document.querySelector('script:not([type])')!.textContent!)(document);
    const shares = () => texts(document.querySelectorAll('#attention-shares li'));
    expect(document.querySelector('#attention-image')!.textContent).toBe(
      'Image 1, happiness, taken for <i>fear</i>',
    );
    expect(shares()).toEqual(['image 2, <i>fear</i>, named rightly87.5%', 'itself12.5%']);
    expect(document.querySelector('#attention-logits')!.textContent).toBe(
      'Logit of <i>fear</i>: 2.00 alone (vit), 3.75 by attention (cba), 5.75 in sum (bt).',
    );
    value = '0';
    select.dispatchEvent(new Event('change'));
    expect(cells()).toEqual(['75', '25', '50', '50']);
    expect(shares()).toEqual(['itself75.0%', 'image 2, <i>fear</i>, named rightly25.0%']);
    document.querySelectorAll('.heat tbody tr')[1]!.dispatchEvent(new Event('focusin'));
    expect(shares()).toEqual(['image 1, happiness, taken for <i>fear</i>50.0%', 'itself50.0%']);
  });
});
