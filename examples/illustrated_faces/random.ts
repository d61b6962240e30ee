import prand from 'pure-rand';

/** Numbers that depend on their keys alone: never on what was drawn before, or on which thread drew it. */
export type Random = {
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Uniform integer in [0, count). */
  below(count: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
};

/** FNV-1a with a final mix, so that keys which differ in one digit share nothing. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function randomOf(...keys: readonly (string | number)[]): Random {
  const generator = prand.xoroshiro128plus(hash32(keys.join('/')));
  const unit = () => prand.unsafeUniformIntDistribution(0, 0xffffff, generator) / 0x1000000;
  const below = (count: number) => Math.floor(unit() * count);
  return {
    between: (low, high) => low + unit() * (high - low),
    below,
    chance: (probability) => unit() < probability,
    pick: (items) => {
      if (items.length === 0) throw new RangeError('pick: items is empty, expected at least one');
      return items[below(items.length)]!;
    },
  };
}
