import { describe, expect, it } from 'vitest';
import { Damage } from './damage.js';
import { loadCode, readExpected, readFixture } from './torch_bytes.js';

const readable = Object.entries(readExpected())
  .filter(([, { tensors }]) => tensors)
  .map(([file]) => file);

describe('loadTorchCheckpoint', () => {
  it.each(['zip_small.pth', 'legacy_small.pth', 'zip_odd_values.pth', 'legacy_odd_values.pth'])(
    'refuses %s cut at any byte',
    (file) => {
      const bytes = readFixture(file);
      for (let end = 0; end < bytes.length; end++) {
        expect(loadCode(bytes.subarray(0, end)), `cut at ${end}`).not.toBe('ok');
      }
    },
  );

  it.each(['zip_small.pth', 'legacy_small.pth'])(
    'reads or refuses, never breaks, when any one bit of %s is flipped',
    (file) => {
      const bytes = readFixture(file);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => loadCode(flipped), `bit ${bit}`).not.toThrow();
      }
    },
  );

  it('reads or refuses, never breaks, when files are damaged at random', () => {
    const files = readable.map(readFixture);
    const damage = new Damage(1);
    const codes = new Set<string>();
    for (let run = 0; run < 10_000; run++) codes.add(loadCode(damage.apply(damage.pick(files))));
    expect(codes).toContain('ok');
    expect(codes.size).toBeGreaterThan(12);
  });
});
