import { expect, it } from 'vitest';
import { ShapeError } from '../../src/index.js';
import { checkShapes } from '../../src/ops/shape_check.js';

const rule = { query: ['batch', 'features'], key: ['batch', 'features'], mask: ['batch'] };

it('sizes that are not known yet fit any', () => {
  checkShapes('op', rule, { query: [null, 3], key: [2, 3], mask: [null] });
  checkShapes('op', rule, { query: [2, null], key: [2, 3], mask: [2] });
});

it('sizes that are known must agree, whatever stands between them', () => {
  const check = () => checkShapes('op', rule, { query: [2, 3], key: [null, 3], mask: [4] });
  expect(check).toThrow(ShapeError);
  expect(check).toThrow('op: mask has batch 4, but query has batch 2 (query [2, 3], mask [4])');
});

it('inputs without a shape are not checked, ranks of the others are', () => {
  checkShapes('op', rule, { query: [2, 3] });
  expect(() => checkShapes('op', rule, { query: [null, 3], mask: [2, 1] })).toThrow(
    'op: mask must have rank 1 [batch], but has rank 2 [2, 1]',
  );
});
