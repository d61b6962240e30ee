import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, run } from '../support/run.js';

/** The TypeScript code blocks of the README, in order. */
async function snippets(): Promise<string[]> {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  return [...text.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]!);
}

describe('README.md', () => {
  it('has a snippet that stacks a BatchTransformer and runs as it stands', async () => {
    const code = (await snippets()).find((snippet) => snippet.includes('new BatchTransformer'));
    // Beside the repository's sources, so that `btn-layers` is found as in the examples.
    const dir = await mkdtemp(join(root, 'examples', '.readme-'));
    try {
      await writeFile(join(dir, 'snippet.ts'), code!);
      const { code: status, stdout } = await run(['--import', 'tsx', join(dir, 'snippet.ts')]);
      expect(stdout.trim()).toBe('[ 6, 5 ] [ 6, 5 ]');
      expect(status).toBe(0);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('names only files that exist', async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) await expect(readFile(join(root, link))).resolves.toBeDefined();
  });
});
