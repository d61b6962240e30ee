import { type RandomGenerator, unsafeUniformIntDistribution, xoroshiro128plus } from 'pure-rand';
import { torchZip } from './torch_bytes.js';

/** Damages files at random, each the same way for the same seed. */
export class Damage {
  private readonly generator: RandomGenerator;

  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** @returns an integer of 0…limit − 1. */
  below(limit: number): number {
    return unsafeUniformIntDistribution(0, limit - 1, this.generator);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  flipBits(bytes: Uint8Array, count: number): Uint8Array {
    const changed = bytes.slice();
    for (let i = 0; i < count; i++) changed[this.below(bytes.length)]! ^= 1 << this.below(8);
    return changed;
  }

  /** Damages a file in any of many ways: most change its pickle, where most can go wrong. */
  apply(bytes: Uint8Array): Uint8Array {
    switch (this.below(6)) {
      case 0:
        return this.flipBits(bytes, 1 + this.below(8));
      case 1:
        return this.moveRange(bytes);
      case 2:
        return bytes.subarray(0, this.below(bytes.length));
      case 3:
        return torchZip(this.opcodes(), { '0': new Uint8Array(64) });
      default:
        return this.changePickle(bytes);
    }
  }

  /** Puts a part of the file where another was, or takes it out. */
  private moveRange(bytes: Uint8Array): Uint8Array {
    const from = this.below(bytes.length);
    const length = this.below(Math.min(64, bytes.length - from) + 1);
    const part = bytes.subarray(from, from + length);
    const to = this.below(bytes.length);
    const kept = this.below(3) === 0 ? to : to + length;
    return new Uint8Array([...bytes.subarray(0, to), ...part, ...bytes.subarray(kept)]);
  }

  /** Changes bytes among the first, where both formats have the pickle, to those that mean most. */
  private changePickle(bytes: Uint8Array): Uint8Array {
    const changed = bytes.slice();
    const end = Math.min(bytes.length, 64 + this.below(2000));
    for (let i = this.below(4); i >= 0; i--) {
      const at = this.below(end);
      changed[at] = this.pick([...interesting, this.below(256), changed[this.below(end)]!]);
    }
    return changed;
  }

  /** A pickle of opcodes that fit together more often than bytes at random. */
  private opcodes(): string {
    const count = 1 + this.below(60);
    return `${Array.from({ length: count }, () => this.pick(phrases)).join('')}.`;
  }
}

const interesting = [
  0,
  1,
  0x7f,
  0x80,
  0xff,
  ...[...'(.012NRQbcehjqrtu})]a'].map((c) => c.charCodeAt(0)),
];

const storage = '(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10tQ';
const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\0K\x04\x85K\x01\x85\x89)tR`;

const phrases = [
  ...'(012N)]}ateusdlRbQo\x81\x92\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94',
  'K\0',
  'K\x01',
  'K\x04',
  'J\xff\xff\xff\xff',
  '\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f',
  'G\x3f\xe0\0\0\0\0\0\0',
  'h\0',
  'h\x01',
  'q\0',
  'q\x01',
  'U\x01a',
  'U\x0astate_dict',
  'U\x05model',
  'U\x07storage',
  'C\x01a',
  'cos\nsystem\n',
  'ccollections\nOrderedDict\n)R',
  'ccollections\nOrderedDict\n',
  'ctorch\nSize\n',
  'ctorch\nFloatStorage\n',
  'ctorch\nfloat32\n',
  'ctorch._utils\n_rebuild_tensor_v2\n',
  'ctorch._utils\n_rebuild_tensor_v3\n',
  'ctorch._utils\n_rebuild_parameter\n',
  'ctorch._tensor\n_rebuild_from_type_v2\n',
  storage,
  tensor,
  `}U\x01w${tensor}s`,
];
