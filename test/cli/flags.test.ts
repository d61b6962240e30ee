import { describe, expect, it } from 'vitest';
import { hyphenate, integerFlag, numberFlag } from '../../src/cli/flags.js';

describe('hyphenate', () => {
  it('makes one flag of both spellings, and leaves values alone', () => {
    expect(
      hyphenate([
        'train',
        '--data_type',
        'RAF_DB',
        '--batch_size=8',
        '--out=my_run',
        'a_b',
        '-x_y',
      ]),
    ).toEqual(['train', '--data-type', 'RAF_DB', '--batch-size=8', '--out=my_run', 'a_b', '-x_y']);
    expect(hyphenate(['--data-type', '--out=a=b_c'])).toEqual(['--data-type', '--out=a=b_c']);
  });

  it('leaves what comes after -- alone', () => {
    expect(hyphenate(['--a_b', '--', '--a_b.jpg'])).toEqual(['--a-b', '--', '--a_b.jpg']);
  });
});

describe('numbers', () => {
  it('are read as they are written', () => {
    expect([numberFlag('2e-5'), numberFlag('.5'), integerFlag('144')]).toEqual([2e-5, 0.5, 144]);
  });

  it.each(['', ' ', 'a', '1,5', '2e', 'NaN'])('%j is none', (text) => {
    expect(() => numberFlag(text)).toThrow('It is not a number.');
  });

  it.each(['0', '-1', '1.5', 'Infinity', '1e300'])('%j is no integer from 1 on', (text) => {
    expect(() => integerFlag(text)).toThrow('It must be an integer from 1 on.');
  });
});
