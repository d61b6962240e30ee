import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inOrder } from '../../../src/node/images/in_order.js';

describe('inOrder', () => {
  it('yields in order, whichever is done first, and begins as many ahead as it may', async () => {
    const begun: number[] = [];
    const seen: [value: number, begun: number][] = [];
    const begin = async (i: number) => {
      begun.push(i);
      await sleep(i % 2 === 0 ? 5 : 0);
      return i;
    };
    for await (const value of inOrder(6, 2, begin)) seen.push([value, begun.length]);
    expect(seen).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
      [3, 6],
      [4, 6],
      [5, 6],
    ]);
  });

  it('throws an error in its turn, and none that nobody waits for', async () => {
    const begin = async (i: number) => {
      if (i > 0) throw new Error(`no ${i}`);
      return i;
    };
    const seen: number[] = [];
    const run = async () => {
      for await (const value of inOrder(3, 3, begin)) seen.push(value);
    };
    await expect(run()).rejects.toThrow('no 1');
    expect(seen).toEqual([0]);
  });

  it('yields nothing of nothing', async () => {
    for await (const _ of inOrder(0, 2, () => Promise.reject(new Error('begun')))) expect.fail();
  });
});
