import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { coresIn, physicalCores } from '../../../src/node/threads/cores.js';

const processor = (number: number, socket: number, core: number) =>
  `processor\t: ${number}\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`;

describe('physical cores', () => {
  it('counts two threads of one core once, and equal numbers on two sockets twice', () => {
    const text = [processor(0, 0, 0), processor(1, 0, 0), processor(2, 0, 1), processor(3, 1, 0)];
    expect(coresIn(text.join('\n'))).toBe(3);
  });

  it('knows none where the text does not tell', () => {
    expect(coresIn('')).toBe(0);
    expect(coresIn('processor\t: 0\nBogoMIPS\t: 100\n')).toBe(0);
  });

  it('are at least one, and no more than may be used', () => {
    expect(physicalCores()).toBeGreaterThanOrEqual(1);
    expect(physicalCores()).toBeLessThanOrEqual(availableParallelism());
  });
});
