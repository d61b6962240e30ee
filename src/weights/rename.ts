import { fullIr50 } from '../models/config.js';
import { ArgumentError } from '../ops/errors.js';
import type { StateDict } from './state_dict.js';

/**
 * New names by pattern, in which `*` stands for any characters, or null to leave a tensor out:
 * `{ "attention_levels.q.*": "mla.query.*", "ema.*": null }`.
 */
export type RenameTable = Readonly<Record<string, string | null>>;

/**
 * Renames what matches a pattern, the first of the table that does; the rest keeps its name.
 *
 * @throws ArgumentError for a pattern that matches nothing, for a target with more `*` than its pattern, and
 *   for a name that two tensors would get.
 *
 * @example
 * const weight = { dtype: 'float32', shape: [1], data: Float32Array.of(1) } as const;
 * const stateDict = new Map([['net.conv.weight', weight], ['ema.conv.weight', weight]]);
 * const renamed = renameStateDict(stateDict, { 'net.*': '*', 'ema.*': null });
 * console.log([...renamed.keys()]); // [ 'conv.weight' ]
 */
export function renameStateDict(stateDict: StateDict, table: RenameTable): StateDict {
  const rules = Object.entries(table).map(([pattern, target]) => ruleOf(pattern, target));
  const renamed: StateDict = new Map();
  for (const [name, tensor] of stateDict) {
    const rule = rules.find(({ matcher }) => matcher.test(name));
    const newName = rule ? rule.rename(name) : name;
    if (newName === null) continue;
    if (renamed.has(newName)) throw new ArgumentError(`two tensors would be named ${newName}`);
    renamed.set(newName, tensor);
  }
  const idle = rules.find(({ used }) => !used());
  if (idle) throw new ArgumentError(`no name matches ${idle.pattern}`);
  return renamed;
}

function ruleOf(pattern: string, target: string | null) {
  // Adjacent stars would match alike in countless ways.
  const parts = pattern.split(/\*+/);
  const targetParts = target?.split('*') ?? [];
  if (targetParts.length > parts.length) {
    throw new ArgumentError(`${target} has more * than ${pattern}, which it is to replace`);
  }
  const matcher = new RegExp(`^${parts.map(escapeRegExp).join('(.*)')}$`, 's');
  let used = false;
  return {
    pattern,
    matcher,
    used: () => used,
    rename(name: string): string | null {
      used = true;
      if (target === null) return null;
      const wild = matcher.exec(name)!.slice(1);
      return targetParts.map((part, i) => (i === 0 ? part : wild[i - 1]! + part)).join('');
    },
  };
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Units of the stages of an IR-50 that are used here; in a file, those of a fourth follow. */
const stageUnits = fullIr50.depths;

/**
 * Names as in `body1.K`, `body2.K` and `body3.K` for an IR-50 in whose file all units are `body.K`; any
 * other file keeps its names. Units of the unused fourth stage become `body3.14` and on.
 *
 * @example
 * const weight = { dtype: 'float32', shape: [1], data: Float32Array.of(1) } as const;
 * const split = splitIr50Body(new Map([['body.3.res_layer.0.weight', weight]]));
 * console.log([...split.keys()]); // [ 'body2.0.res_layer.0.weight' ]
 *
 * Provenance: baseline.
 */
export function splitIr50Body(stateDict: StateDict): StateDict {
  const renamed: StateDict = new Map();
  for (const [name, tensor] of stateDict) {
    renamed.set(
      name.replace(/^body\.(\d+)\./, (_, unit) => `${stageOf(Number(unit))}.`),
      tensor,
    );
  }
  return renamed;
}

function stageOf(unit: number): string {
  let first = 0;
  for (const [stage, count] of stageUnits.entries()) {
    if (unit < first + count) return `body${stage + 1}.${unit - first}`;
    first += count;
  }
  return `body${stageUnits.length}.${unit - first + stageUnits.at(-1)!}`;
}
