import { conditions, type Network, networkNames, type Run } from './plan.js';
import { nameOf, type Result } from './results.js';
import { mean, type PairedDifference, pairedDifference, standardDeviation } from './statistics.js';

/** The results of runs that differ by seed alone, by seed. */
export interface Group {
  condition: Run['condition'];
  network: Network;
  change: string;
  batchSize: number;
  bySeed: ReadonlyMap<number, Result>;
}

/** What the results say of a plan, in its order; groups without a result are left out. */
export function groupsOf(plan: readonly Run[], results: readonly Result[]): Group[] {
  const byName = new Map(results.map((result) => [nameOf(result.run), result]));
  const groups = new Map<string, Group & { bySeed: Map<number, Result> }>();
  for (const run of plan) {
    const { condition, network, change, settings, seed } = run;
    const result = byName.get(nameOf(run));
    if (!result) continue;
    const key = [condition, network, change].join('/');
    const { batchSize = 16 } = settings;
    const group = groups.get(key) ?? { condition, network, change, batchSize, bySeed: new Map() };
    group.bySeed.set(seed, result);
    groups.set(key, group);
  }
  return [...groups.values()];
}

export function accuraciesOf({ bySeed }: Group, output: 'vit' | 'bt' = 'vit'): number[] {
  return [...bySeed.values()].flatMap((result) => result[output] ?? []);
}

type Pair = readonly [value: number, baseline: number];

/** Of `vit`, the seeds that both have. */
function pairsOf(group: Group | undefined, baseline: Group | undefined): Pair[] {
  return [...(group?.bySeed ?? [])].flatMap(([seed, { vit }]) => {
    const other = baseline?.bySeed.get(seed);
    return other ? [[vit, other.vit] as const] : [];
  });
}

function differenceOf(pairs: readonly Pair[]): PairedDifference | undefined {
  return pairedDifference(
    pairs.map(([value]) => value),
    pairs.map(([, baseline]) => baseline),
  );
}

/** Of `vit`, over the seeds that both have; undefined where they are fewer than two. */
export function difference(
  group: Group,
  baseline: Group | undefined,
): PairedDifference | undefined {
  return differenceOf(pairsOf(group, baseline));
}

/**
 * Accuracies and differences of the main part, in Markdown. The last rows pool the pairs of all
 * conditions as if they were independent, which runs of one seed are only in part.
 */
export function mainTable(groups: readonly Group[]): string {
  const find = (condition: Run['condition'], network: Network) =>
    groups.find((group) => group.condition === condition && group.network === network);
  const rows = conditions.flatMap((condition) =>
    networkNames.flatMap((network) => {
      const group = find(condition, network);
      if (!group) return [];
      const posterV2 = network === 'POSTER V2' ? undefined : find(condition, 'POSTER V2');
      const cells = [...accuracyCells(group), ...differenceCells(difference(group, posterV2))];
      return [[condition, network, ...cells]];
    }),
  );
  const pooled = networkNames.slice(1).map((network) => {
    const pairs = conditions.flatMap((condition) =>
      pairsOf(find(condition, network), find(condition, 'POSTER V2')),
    );
    const cells = [`${pairs.length}`, '', '', ...differenceCells(differenceOf(pairs))];
    return ['all, pooled', network, ...cells];
  });
  return markdown(
    ['condition', 'network', 'n', 'vit', 'bt', 'vit − POSTER V2, 95 % interval', 'above'],
    [...rows, ...pooled],
  );
}

/** Of the sweep: against POSTER V2 at the same batch size, and against the BTN that nothing changes. */
export function sweepTable(groups: readonly Group[]): string {
  const plain = groups.find(({ network, change }) => network === 'BTN' && change === '');
  const rows = groups.map((group) => {
    const isBtn = group.network === 'BTN';
    const posterV2 = groups.find(
      ({ network, batchSize }) => network === 'POSTER V2' && batchSize === group.batchSize,
    );
    return [
      group.network,
      group.change || 'as in the main part',
      ...accuracyCells(group),
      ...differenceCells(difference(group, isBtn ? posterV2 : undefined)),
      ...differenceCells(difference(group, isBtn && group !== plain ? plain : undefined)),
    ];
  });
  return markdown(
    [
      'network',
      'change',
      'n',
      'vit',
      'bt',
      'vit − POSTER V2 of that batch',
      'above',
      'vit − BTN unchanged',
      'above',
    ],
    rows,
  );
}

function accuracyCells(group: Group): string[] {
  const bt = accuraciesOf(group, 'bt');
  return [`${group.bySeed.size}`, spread(accuraciesOf(group)), bt.length > 0 ? spread(bt) : ''];
}

function spread(values: readonly number[]): string {
  const deviation = values.length > 1 ? ` ± ${(100 * standardDeviation(values)).toFixed(1)}` : '';
  return `${(100 * mean(values)).toFixed(1)}${deviation}`;
}

function differenceCells(found: PairedDifference | undefined): [string, string] {
  if (!found) return ['', ''];
  const { mean: centre, lower, upper, above, n } = found;
  return [`**${points(centre)}** [${points(lower)}, ${points(upper)}]`, `${above} of ${n}`];
}

function points(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)}`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line), ''].join('\n');
}
