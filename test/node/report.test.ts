import { describe, expect, it } from 'vitest';
import { classReportTable } from '../../src/node/report.js';
import { classReport } from '../../src/training/metrics.js';

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
