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

/** What the snippets of each page print, in order. */
const pages: Record<string, (string | RegExp)[]> = {
  'docs/start.md': [
    '[ 4, 7 ] [ 4, 7 ] [ 4, 7 ]\nsurprise fear disgust happiness sadness anger neutral',
  ],
  'docs/concepts.md': ['1.7 1.6 1.2 -0.6\n4.2 3.7 1.4 -2.4\n0.2\n-1.1 -1.6 -1.6 -1.6'],
  'docs/stacking_layers.md': [
    'true\n[ 32, 3 ]',
    '[ [ null, 784, 64 ], [ null, 196, 64 ], [ null, 49, 64 ] ]\n74176',
  ],
  'docs/large_batches.md': [/^\d+\.\d+ \[ \[ 32, 64 \], \[ 64 \], \[ 64, 16 \], \[ 16 \] \]$/],
};

describe.each(Object.entries(pages))('%s', (page, outputs) => {
  it('has snippets that run as they stand and print what they say', async () => {
    const codes = await snippets(page);
    expect(codes).toHaveLength(outputs.length);
    for (const [i, code] of codes.entries()) {
      const output = await outputOf(code);
      if (typeof outputs[i] === 'string') expect(output).toBe(outputs[i]);
      else expect(output).toMatch(outputs[i]!);
    }
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

describe('docs/testing.md', () => {
  it('has a snippet that checks gradients, right and wrong, and runs as it stands', async () => {
    const [code] = await snippets('docs/testing.md');
    const rows = ['[]', 'gradient of input 0: true, gradient of input 1: true', '1'];
    expect((await outputOf(code!)).split('\n')).toEqual(rows);
  });
});
