/**
 * Checks what dist/ would publish, by checkers that others wrote and by limits of our own, and prints a line for each.
 *
 * `--update-api` writes the API reports instead of comparing with them.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { apiReports } from './package/api_reports.js';
import { contentProblems } from './package/contents.js';
import { exec, manifest, pack, root } from './package/project.js';
import { measureSizes, wasmLimit } from './package/sizes.js';

const temporary = mkdtempSync(join(tmpdir(), 'btn-layers-package-'));
let failed = false;

function report(check: string, says: string, problems: string[]): void {
  if (problems.length > 0) failed = true;
  console.log(`${problems.length > 0 ? 'FAIL' : 'ok  '}  ${check.padEnd(22)} ${says}`);
  for (const problem of problems) console.log(`        ${problem}`);
}

try {
  const packed = await pack(temporary);
  await lint(packed.tarball);
  await checkTypes(packed.tarball);
  const what = `${packed.files.length} files, ${(packed.size / 1e6).toFixed(2)} MB packed`;
  report('contents', what, contentProblems(packed));
  await checkSizes();
  checkApi();
} finally {
  rmSync(temporary, { recursive: true });
}
process.exitCode = failed ? 1 : 0;

async function lint(tarball: string): Promise<void> {
  const { buffer } = new Uint8Array(readFileSync(tarball));
  const { messages } = await publint({ strict: true, pack: { tarball: buffer } });
  const lines = messages.map((message) => formatMessage(message, manifest, { color: false })!);
  report('publint --strict', `${lines.length} messages`, lines);
}

async function checkTypes(tarball: string): Promise<void> {
  const cli = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  // Node's resolution before `exports` does not know entry points with names, nor does any Node that runs this package.
  const args = [cli, tarball, '--profile', 'node16', '--format', 'ascii', '--no-color'];
  const found = await exec(process.execPath, args).then(
    () => [],
    ({ stdout }: { stdout: string }) => stdout.split('\n'),
  );
  report('are the types wrong', 'node16 (import, require) and bundler', found);
}

async function checkSizes(): Promise<void> {
  for (const { program, own, wasm, limit } of await measureSizes()) {
    const says = `${own.toFixed(1)} kB gzip of at most ${limit}, and ${wasm.toFixed(1)} kB of wasm kernels`;
    const problems = own > limit ? ['too large without the wasm kernels'] : [];
    if (wasm > wasmLimit) problems.push(`wasm kernels of more than ${wasmLimit} kB`);
    report(`size of ${program}`.replace('btn-layers/', '/'), says, problems);
  }
}

function checkApi(): void {
  const update = process.argv.includes('--update-api');
  for (const { file, changed, undocumented, unexported } of apiReports(temporary, update)) {
    report(file, changed && update ? 'written' : 'as published', [
      ...(changed && !update ? ['differs: review, then `npm run update:api`'] : []),
      ...undocumented.map((name) => `${name} has no docstring`),
      ...unexported.map((name) => `${name} is the type of a public name, but not exported`),
    ]);
  }
}
