import { appendFile, readFile } from 'node:fs/promises';
import type { Run } from './plan.js';

/** What came out of a run: a line of `results.jsonl`. Accuracies are 0…1. */
export interface Result {
  run: Run;
  /** On the test split after the last epoch, each picture alone. */
  vit: number;
  /** Mean over shuffled batches of the run's batch size, where the network has them. */
  bt?: number;
  cba?: number;
  /** By epoch; `train` against the labels that the run was given. */
  train: number[];
  test: number[];
  cpuSeconds: number;
}

/** The results of a file, which may not be there yet; a last line that was cut short is left out. */
export async function readResults(path: string): Promise<Result[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Result];
    } catch {
      return []; // Cut short, then closed by `closeLastLine`.
    }
  });
}

/** Ends a line that was cut short, so that the next begins on its own. */
export async function closeLastLine(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text !== '' && !text.endsWith('\n')) await appendFile(path, '\n');
}

export async function appendResult(path: string, result: Result): Promise<void> {
  await appendFile(path, `${JSON.stringify(result)}\n`);
}

/** The runs of a plan that have no result, each once, in the plan's order. */
export function missingRuns(plan: readonly Run[], results: readonly Result[]): Run[] {
  const done = new Set(results.map(({ run }) => nameOf(run)));
  return plan.filter((run) => {
    const name = nameOf(run);
    return !done.has(name) && done.add(name);
  });
}

/** Equal for equal runs, in whatever order their keys were written; `change` is only words. */
export function nameOf({ change: _, ...run }: Run): string {
  return JSON.stringify(run, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
