import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, run } from '../support/run.js';

/** The TypeScript code blocks of a page, in order. */
async function snippets(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), 'utf8');
  return [...text.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]!);
}

/** What a snippet prints. */
async function outputOf(code: string): Promise<string> {
  // Beside the repository's sources, so that `btn-layers` is found as in the examples.
  const dir = await mkdtemp(join(root, 'examples', '.snippet-'));
  try {
    await writeFile(join(dir, 'snippet.ts'), code);
    const {
      code: status,
      stdout,
      stderr,
    } = await run(['--import', 'tsx', join(dir, 'snippet.ts')]);
    expect([status, stderr]).toEqual([0, '']);
    return stdout.trim();
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('docs/large_batches.md', () => {
  it('has a snippet that trains an encoder by a contrastive loss and runs as it stands', async () => {
    const [code] = await snippets('docs/large_batches.md');
    expect(await outputOf(code!)).toMatch(
      /^\d+\.\d+ \[ \[ 32, 64 \], \[ 64 \], \[ 64, 16 \], \[ 16 \] \]$/,
    );
  });
});

describe('README.md', () => {
  it('has a snippet that stacks a BatchTransformer and runs as it stands', async () => {
    const code = (await snippets('README.md')).find((each) =>
      each.includes('new BatchTransformer'),
    );
    expect(await outputOf(code!)).toBe('[ 6, 5 ] [ 6, 5 ]');
  });

  it('names only files that exist', async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) await expect(readFile(join(root, link))).resolves.toBeDefined();
  });
});
