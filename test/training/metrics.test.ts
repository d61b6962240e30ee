import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  classReport,
  confusionMatrix,
  predictedClasses,
  probabilitiesOf,
} from '../../src/training/metrics.js';

describe('confusionMatrix', () => {
  it('counts rows by true class and columns by predicted class', () => {
    const labels = Int32Array.of(0, 0, 1, 2, 2, 2);
    expect(confusionMatrix(labels, [0, 1, 1, 2, 0, 2], 3)).toEqual([
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 2],
    ]);
  });

  it('of nothing is all zero', () => {
    expect(confusionMatrix([], [], 2)).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it.each([
    [[0, 1], [0], 2, '1 predictions for 2 labels'],
    [[0, 2], [0, 1], 2, 'labels[1] is 2: expected an integer from 0 to 1'],
    [[0], [-1], 2, 'predictions[0] is -1: expected an integer from 0 to 1'],
    [[0], [Number.NaN], 2, 'predictions[0] is NaN'],
    [[], [], 0, 'numClasses is 0: expected a positive integer'],
  ])('of %j and %j with %d classes is refused', (labels, predictions, numClasses, message) => {
    expect(() => confusionMatrix(labels, predictions, numClasses)).toThrow(message);
  });
});

describe('accuracy', () => {
  it('is the part predicted right, null of nothing', () => {
    expect(accuracy([0, 1, 2, 2], [0, 1, 1, 2])).toBe(0.75);
    expect(accuracy([], [])).toBeNull();
    expect(() => accuracy([1], [])).toThrow('0 predictions for 1 labels');
  });
});

describe('classReport', () => {
  it('gives precision, recall and F1 by class', () => {
    const report = classReport([
      [3, 1, 0],
      [2, 4, 0],
      [0, 1, 9],
    ]);
    expect(report.classes[0]).toEqual({ precision: 3 / 5, recall: 3 / 4, f1: 6 / 9, support: 4 });
    expect(report.classes[1]).toEqual({ precision: 4 / 6, recall: 4 / 6, f1: 8 / 12, support: 6 });
    expect(report.classes[2]).toEqual({ precision: 1, recall: 0.9, f1: 18 / 19, support: 10 });
    expect(report.accuracy).toBe(16 / 20);
    expect(report.meanClassAccuracy).toBeCloseTo((3 / 4 + 4 / 6 + 0.9) / 3, 12);
    expect(report.total).toBe(20);
  });

  it('leaves classes without examples out of the mean', () => {
    const { classes, meanClassAccuracy } = classReport([
      [1, 1, 0],
      [0, 0, 0],
      [2, 0, 0],
    ]);
    expect(classes[1]).toEqual({ precision: 0, recall: null, f1: null, support: 0 });
    expect(classes[2]).toEqual({ precision: null, recall: 0, f1: 0, support: 2 });
    expect(meanClassAccuracy).toBe(0.25);
  });

  it('of no examples has no accuracy', () => {
    const report = classReport([
      [0, 0],
      [0, 0],
    ]);
    expect([report.accuracy, report.meanClassAccuracy, report.total]).toEqual([null, null, 0]);
  });

  it('refuses what is no confusion matrix', () => {
    expect(() => classReport([[1, 2]])).toThrow('matrix row 0 has 2 columns: expected 1');
    expect(() => classReport([[0.5]])).toThrow('matrix row 0 holds 0.5, not a count');
  });
});

describe('probabilitiesOf', () => {
  it('is the softmax of each row', () => {
    const [a, b, c, d] = probabilitiesOf([0, Math.log(3), 5, 5], 2);
    expect(a).toBeCloseTo(0.25, 12);
    expect(b).toBeCloseTo(0.75, 12);
    expect([c, d]).toEqual([0.5, 0.5]);
  });

  it('holds for logits that no exponential can', () => {
    expect([...probabilitiesOf([1e6, 0, -1e6, -1e6], 2)]).toEqual([1, 0, 0.5, 0.5]);
  });

  it('sums to 1 and keeps the order', () => {
    const logit = fc.double({ min: -50, max: 50, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(logit, logit, logit), { maxLength: 9 }), (rows) => {
        const probabilities = probabilitiesOf(rows.flat(), 3);
        rows.forEach((row, i) => {
          const ofRow = [...probabilities.subarray(3 * i, 3 * i + 3)];
          expect(ofRow.reduce((sum, value) => sum + value)).toBeCloseTo(1, 12);
          expect(ofRow.indexOf(Math.max(...ofRow))).toBeLessThanOrEqual(
            row.indexOf(Math.max(...row)),
          );
        });
      }),
    );
  });
});

describe('predictedClasses', () => {
  it('is the highest of each row, the first of equals', () => {
    expect([...predictedClasses([1, 3, 2, 5, 5, 0, -3, -1, -1], 3)]).toEqual([1, 0, 1]);
    expect(predictedClasses([], 3)).toHaveLength(0);
  });
});
