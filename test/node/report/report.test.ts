import { describe, expect, it } from 'vitest';
import { predictionsCsv } from '../../../src/node/evaluation/write_evaluation.js';
import { classReportTable, evaluationText } from '../../../src/node/report/report.js';
import { calibration } from '../../../src/training/calibration.js';
import { classReport } from '../../../src/training/metrics.js';

describe('classReportTable', () => {
  it('lists classes, then the overall figures', () => {
    const report = classReport([
      [1900, 100, 0],
      [1, 1, 0],
      [0, 0, 0],
    ]);
    expect(classReportTable(report, ['happiness', 'fear', 'anger'])).toBe(
      [
        '┌───────────┬───────────┬────────┬───────┬────────┐',
        '│ class     │ precision │ recall │    F1 │ images │',
        '├───────────┼───────────┼────────┼───────┼────────┤',
        '│ happiness │     99.9% │  95.0% │ 97.4% │  2,000 │',
        '│ fear      │      1.0% │  50.0% │  1.9% │      2 │',
        '│ anger     │         – │      – │     – │      0 │',
        '└───────────┴───────────┴────────┴───────┴────────┘',
        'accuracy             94.96% of 2,002 images',
        'mean class accuracy  72.50%',
      ].join('\n'),
    );
  });
});

describe('evaluationText', () => {
  const report = classReport([
    [3, 1],
    [0, 4],
  ]);
  const result = {
    classNames: ['happiness', 'fear'],
    matrix: [],
    report,
    intervals: { accuracy: { lower: 0.5, upper: 1 }, meanClassAccuracy: null },
    calibration: calibration([0.9, 0.1], [0], 2),
    robustness: [],
    predictions: [],
    flipAverage: false,
    dataType: 'RAF-DB',
    data: 'data',
    checkpoint: 'run',
    skipped: [],
    passedOver: 0,
  } as const;

  it('adds intervals and calibration to the table', () => {
    const text = evaluationText({ ...result, matrix: [], robustness: [], predictions: [] });
    expect(text).toBe(
      [
        classReportTable(report, result.classNames),
        '95% intervals        accuracy 50.00% to 100.00%, mean class accuracy – (bootstrap)',
        'calibration          ECE 10.00% (15 bins), negative log-likelihood 0.105',
      ].join('\n'),
    );
  });

  it('says of bt and cba how large a batch was, and that class order is no result', () => {
    const accuracy = {
      shuffles: [0.8, 0.9],
      mean: 0.85,
      standardDeviation: 0.0707,
      inClassOrder: 1,
    };
    const batch = { batchSize: 3, lastBatchSize: 2, bt: accuracy, cba: accuracy };
    const text = evaluationText({ ...result, matrix: [], robustness: [], predictions: [], batch });
    expect(text).toContain('that depend on who shares a batch (3 images, 2 in the last):');
    expect(text).toContain(
      '│ output                │ shuffled: mean ± SD of 2 │ in class order: INFLATED │',
    );
    expect(text).toContain(
      '│ vit, each image alone │                   87.50% │                   87.50% │',
    );
    expect(text).toContain(
      '│ bt                    │           85.00% ± 7.07% │                  100.00% │',
    );
    expect(text).toMatch(/which gives the answer away: not a result\.$/);
  });

  it('has a row for each corruption', () => {
    const robustness = [
      { corruption: 'blur', severity: 2, accuracy: 0.75, meanClassAccuracy: 0.5 },
      { corruption: 'dark', severity: 2, accuracy: null, meanClassAccuracy: null },
    ] as const;
    const text = evaluationText({
      ...result,
      matrix: [],
      predictions: [],
      robustness: [...robustness],
    });
    expect(text).toContain('│ corruption │  none │ severity 2 │');
    expect(text).toContain('│ blur       │ 87.5% │      75.0% │');
    expect(text).toContain('│ dark       │ 87.5% │          – │');
  });
});

describe('predictionsCsv', () => {
  it('quotes what needs it', () => {
    const prediction = { label: 0, prediction: 1, probabilities: [0.25, 0.75] };
    const csv = predictionsCsv({
      classNames: ['a', 'b'],
      predictions: [
        { path: 'x/1.jpg', ...prediction },
        { path: 'x, "y"\n.jpg', ...prediction },
      ],
    });
    expect(csv).toBe(
      'path,label,prediction,a,b\r\n' +
        'x/1.jpg,a,b,0.250000,0.750000\r\n' +
        '"x, ""y""\n.jpg",a,b,0.250000,0.750000\r\n',
    );
  });
});
