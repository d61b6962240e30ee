import { describe, expect, it } from 'vitest';
import { CompiledMemory, laidOut } from '../../src/training/compiled_memory.js';
import { normaliseBinary } from '../../src/training/normalise_binary.js';

describe('CompiledMemory', () => {
  it('has room for a job, and keeps it for smaller ones', () => {
    const memory = new CompiledMemory(normaliseBinary);
    const first = memory.room(200_000);
    expect(first.bytes.length).toBeGreaterThanOrEqual(200_000);
    expect(memory.room(10).bytes).toBe(first.bytes);
  });

  it('never detaches a buffer, which slows every typed array', () => {
    const memory = new CompiledMemory(normaliseBinary);
    const { bytes } = memory.room(10);
    expect(memory.room(10_000_000).bytes.length).toBeGreaterThanOrEqual(10_000_000);
    expect(bytes.length).toBeGreaterThan(0);
  });

  it('does not keep much for little', () => {
    const memory = new CompiledMemory(normaliseBinary);
    memory.room(40_000_000);
    expect(memory.room(10).bytes.length).toBeLessThan(1_000_000);
  });
});

describe('laidOut', () => {
  it('puts pieces behind one another, with room between', () => {
    const { at, end } = laidOut({ a: 10, b: 0, c: 64 });
    expect([at.a, at.b, at.c]).toEqual([0, 128, 192]);
    expect(end).toBe(320);
  });
});
