import { describe, expect, it } from 'vitest';
import { renameStateDict, splitIr50Body } from '../../src/weights/rename.js';
import type { StateDict } from '../../src/weights/state_dict.js';

function named(...names: string[]): StateDict {
  return new Map(
    names.map((name, i) => [name, { dtype: 'float32', shape: [], data: Float32Array.of(i) }]),
  );
}

const namesOf = (stateDict: StateDict) => [...stateDict.keys()];

describe('renameStateDict', () => {
  it('renames by pattern and keeps the rest, order and data', () => {
    const before = named('levels.q.weight', 'levels.q.bias', 'conv1.weight', 'pos');
    const after = renameStateDict(before, { 'levels.q.*': 'mla.query.*', pos: 'mla.pos_embed' });
    expect(namesOf(after)).toEqual([
      'mla.query.weight',
      'mla.query.bias',
      'conv1.weight',
      'mla.pos_embed',
    ]);
    expect(after.get('mla.pos_embed')).toBe(before.get('pos'));
  });

  it('takes the first pattern that matches', () => {
    const table = { 'a.b.*': 'x.*', 'a.*': 'y.*' };
    expect(namesOf(renameStateDict(named('a.b.c', 'a.d'), table))).toEqual(['x.c', 'y.d']);
  });

  it('fills several stars in order, and takes all else literally', () => {
    const table = { 'a.*.b.*': '*-*', 'a+.b': 'c' };
    expect(namesOf(renameStateDict(named('a.1.b.2', 'a+.b', 'aa.b'), table))).toEqual([
      '1-2',
      'c',
      'aa.b',
    ]);
  });

  it('leaves out what is to become null', () => {
    const table = { 'ema.*': null, pos: null };
    expect(namesOf(renameStateDict(named('ema.a', 'a', 'pos', 'ema.b'), table))).toEqual(['a']);
  });

  it('takes adjacent stars for one', () => {
    expect(namesOf(renameStateDict(named('a.x'), { 'a.**': 'b.*' }))).toEqual(['b.x']);
    expect(() => renameStateDict(named('a.x'), { 'a.**': '*.*' })).toThrow('more * than a.**');
  });

  it('refuses what would lose a tensor or does nothing', () => {
    const twoNames = named('a.x', 'b.x');
    expect(() => renameStateDict(twoNames, { 'a.*': 'b.*' })).toThrow('would be named b.x');
    expect(() => renameStateDict(twoNames, { 'c.*': 'b.*' })).toThrow('no name matches c.*');
    expect(() => renameStateDict(twoNames, { 'a.x': 'b.*' })).toThrow('more * than a.x');
  });
});

describe('splitIr50Body', () => {
  it('gives each unit its stage', () => {
    const units = [0, 2, 3, 6, 7, 20, 21, 23];
    const stateDict = named(...units.map((unit) => `body.${unit}.res_layer.0.weight`));
    expect(namesOf(splitIr50Body(stateDict))).toEqual(
      ['1.0', '1.2', '2.0', '2.3', '3.0', '3.13', '3.14', '3.16'].map(
        (unit) => `body${unit}.res_layer.0.weight`,
      ),
    );
  });

  it('leaves the other layout alone', () => {
    const stateDict = named('input_layer.0.weight', 'body1.0.x', 'ema.body.5.x');
    expect(splitIr50Body(stateDict)).toEqual(stateDict);
  });
});
