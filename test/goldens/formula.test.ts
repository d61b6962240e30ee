import { describe, expect, it } from 'vitest';
import {
  checksum,
  formulaImages,
  formulaLabels,
  formulaWeight,
  sampleIndices,
} from '../support/formula.js';
import { Golden } from '../support/goldens.js';

interface About {
  shapes: Record<string, number[]>;
  labels: number[];
  checksums: Record<string, number>;
  sampleIndices: number[];
}

describe('tensors by formula', () => {
  const golden = Golden.read<About>('formula');
  const { shapes, checksums } = golden.about;

  it.each(Object.entries(shapes))('%s has the bits that it has in Python', (name, shape) => {
    expect([...formulaWeight(name, shape)]).toEqual([...golden.values(name)]);
  });

  it('has the same images, labels and samples', () => {
    expect([...formulaImages('images', 2, 8)]).toEqual([...golden.values('images')]);
    expect([...formulaLabels(4, 7)]).toEqual(golden.about.labels);
    expect(sampleIndices('large.weight', 1_000_000, 16)).toEqual(golden.about.sampleIndices);
  });

  it('has the same large tensors', () => {
    expect(checksum(formulaWeight('large.weight', [500, 2000]))).toBe(checksums['large.weight']);
    expect(checksum(formulaImages('large.images', 2, 224))).toBe(checksums['large.images']);
  });

  it('has a checksum that sees one bit and the order', () => {
    const sums = [
      [1, 2, 3],
      [2, 1, 3],
      [1, 2, 3.0000002],
    ].map((values) => checksum(Float32Array.from(values)));
    expect(new Set(sums).size).toBe(3);
  });
});
