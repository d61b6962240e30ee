import { describe, expect, it } from 'vitest';
import {
  classWeightsFlag,
  hyphenate,
  integerFlag,
  numberFlag,
  numbersFlag,
} from '../../src/cli/flags.js';

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

describe('lists of numbers', () => {
  it('have as many as are asked for, or none', () => {
    const flag = numbersFlag(4, 1);
    expect([flag('0.4'), flag('0.4,.3,0,1e-1'), flag('none')]).toEqual([
      [0.4],
      [0.4, 0.3, 0, 0.1],
      false,
    ]);
    expect(() => flag('1,2')).toThrow(
      'It must be none, or 4 or 1 numbers with commas between them.',
    );
    expect(() => flag('1,2,,3')).toThrow('It is not a number.');
    expect(() => flag('')).toThrow('It is not a number.');
  });

  it('of class weights may be a word', () => {
    expect(['none', 'balanced', '1,0.5'].map(classWeightsFlag)).toEqual([
      'none',
      'balanced',
      [1, 0.5],
    ]);
    expect(() => classWeightsFlag('even')).toThrow('It is not a number.');
  });
});
