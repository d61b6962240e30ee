import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

/** The log without what the clock decides. */
export function logOf(run: string): object[] {
  const lines = readFileSync(join(run, 'log.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const { seconds, imagesPerSecond, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect([seconds, imagesPerSecond]).toEqual([expect.any(Number), expect.any(Number)]);
    return rest;
  });
}

/** Hashes of the weights' and the optimizer's bytes in a checkpoint. */
export function bytesOf(checkpoint: string): Record<string, string> {
  const names = readdirSync(checkpoint).filter((name) => /\.(bin|safetensors)$/.test(name));
  expect(names).toHaveLength(2);
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(checkpoint, name)))
      .digest('hex');
  return Object.fromEntries(names.map((name) => [name, hash(name)]));
}

/** The page without what the clock decides, and what settings that change nothing say. */
function pageOf(run: string): string {
  const page = readFileSync(join(run, 'report.html'), 'utf8');
  return page.replace(/<dl class="facts">.*?<\/dl>/gs, '').replace(/<td>[^<]*<\/td><\/tr>/g, '');
}

/** Fails unless a run ended as another did: weights, optimizer and log bit for bit, and the report. */
export function expectSameRun(run: string, reference: string): void {
  for (const name of ['last', 'best']) {
    expect(bytesOf(join(run, name))).toEqual(bytesOf(join(reference, name)));
  }
  expect(logOf(run)).toEqual(logOf(reference));
  for (const name of ['report.txt', 'confusion_matrix.svg', 'curves.svg', 'calibration.svg']) {
    expect(readFileSync(join(run, name), 'utf8')).toBe(readFileSync(join(reference, name), 'utf8'));
  }
  expect(pageOf(run)).toBe(pageOf(reference));
}
