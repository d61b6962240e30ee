/**
 * Runs the tests against PyTorch's goldens and prints a table of their errors in Markdown.
 *
 *     npx tsx scripts/goldens/error_table.ts [--full]
 *
 * `--full` adds the networks at full size.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measured } from '../../test/support/goldens.js';

const blockColumns = ['output', 'gradient', 'after'];
const testRuns = [['test/goldens']];
if (process.argv.includes('--full')) testRuns.push(['--config', 'vitest.full.config.ts']);

const folder = mkdtempSync(join(tmpdir(), 'errors-'));
const file = join(folder, 'errors.jsonl');
try {
  const failed = testRuns.filter((run) => !passes(run));
  const measured = existsSync(file) ? readLines(file) : [];
  const isBlock = ({ quantity }: Measured) => blockColumns.includes(quantity);
  console.log(blockTable(measured.filter(isBlock)));
  console.log(networkTable(measured.filter((m) => !isBlock(m))));
  if (failed.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** The tests' own output goes to stderr, so that stdout is the table alone. */
function passes(run: string[]): boolean {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...run], {
    env: { ...process.env, BTN_ERRORS: file },
    stdio: ['ignore', process.stderr, process.stderr],
  });
  return status === 0;
}

function readLines(path: string): Measured[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Measured);
}

/** One row for each block, the worst backend in each cell. */
function blockTable(measured: Measured[]): string {
  const rows = [...groupBy(measured, ({ what }) => what)].map(([what, ofBlock]) => {
    const cells = blockColumns.map((column) => {
      const found = ofBlock.filter(({ quantity }) => quantity === column);
      return found.length === 0 ? '' : withTorch(worst(found));
    });
    return [what, ...cells, backendsOf(ofBlock)];
  });
  return table(['Block', 'Output', 'Gradients', 'Running statistics', 'Backends'], rows);
}

/** One row for each quantity of a network; its stages are one. */
function networkTable(measured: Measured[]): string {
  const key = ({ what, quantity, backend }: Measured) =>
    [what, quantity.startsWith('stage ') ? 'stages' : quantity, backend].join('|');
  const rows = [...groupBy(measured, key)].map(([name, found]) => {
    const { tolerance } = found[0]!;
    return [...name.split('|'), withTorch(worst(found)), tolerance.toExponential(0)];
  });
  return table(['Network', 'Quantity', 'Backend', 'Error', 'Bar'], rows);
}

function worst(measured: Measured[]): Measured {
  return measured.reduce((a, b) => (b.error > a.error ? b : a));
}

/** Our error, and that of PyTorch's own float32. */
function withTorch({ error, torch }: Measured): string {
  const ours = error.toExponential(1);
  return torch === undefined ? ours : `${ours} (${torch.toExponential(1)})`;
}

function backendsOf(measured: Measured[]): string {
  return [...new Set(measured.map(({ backend }) => backend))].join(', ');
}

function groupBy(measured: Measured[], key: (m: Measured) => string): Map<string, Measured[]> {
  const groups = new Map<string, Measured[]>();
  for (const m of measured) groups.set(key(m), [...(groups.get(key(m)) ?? []), m]);
  return groups;
}

function table(header: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |\n`;
  return [header, header.map(() => '---'), ...rows].map(line).join('');
}
