/**
 * Runs the suites that compute with tensors in headless Chromium, once for each backend: `npm run test:browser`, or some
 * of them, `npm run test:browser -- webgl test/ops`. Arguments that are no browser's name go to vitest.
 *
 * Without Chromium it says so and succeeds.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import {
  findChromium,
  howToGetChromium,
  type TestedBrowser,
  testedBrowsers,
} from '../test/support/browser/chromium.js';

/** What we use of vitest's JSON report. */
interface Report {
  success: boolean;
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    assertionResults: {
      status: string;
      fullName: string;
      meta?: { logitDifference?: number };
    }[];
  }[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const isBrowser = (name: string): name is TestedBrowser =>
  (testedBrowsers as readonly string[]).includes(name);
const named = args.filter(isBrowser);
const paths = args.filter((argument) => !isBrowser(argument));
const folder = mkdtempSync(join(tmpdir(), 'btn-layers-browser-'));

/**
 * Into how many browsers, one after the other, the suites are split. On webgpu every `dataSync` takes three canvases, and a
 * browser on SwiftShader that has made too many reads zeros.
 */
function shardsOf(browser: TestedBrowser): string[] {
  if (browser !== 'webgpu' || paths.length > 0) return [];
  return Array.from({ length: 8 }, (_, i) => `--shard=${i + 1}/8`);
}

/** Runs the suites in one browser. @returns undefined where there is no report: vitest did not start. */
function run(browser: TestedBrowser, chromium: string, shard?: string): Report | undefined {
  const outputFile = join(folder, 'report.json');
  rmSync(outputFile, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`];
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const config = ['--config', 'vitest.browser.config.ts', ...(shard ? [shard] : [])];
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', ...config, ...reporters, ...paths],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, BTN_LAYERS_BROWSER: browser, BTN_LAYERS_CHROMIUM: chromium },
    },
  );
  try {
    const report = JSON.parse(readFileSync(outputFile, 'utf8')) as Report;
    // A browser that closed early fails no test.
    return { ...report, success: report.success && status === 0 };
  } catch {
    return undefined;
  }
}

/** All reports as one; undefined where one is missing. */
function together(reports: readonly (Report | undefined)[]): Report | undefined {
  const all = reports.filter((report) => report !== undefined);
  if (all.length < reports.length) return undefined;
  const sum = (count: (report: Report) => number) => all.reduce((n, each) => n + count(each), 0);
  return {
    success: all.every(({ success }) => success),
    numPassedTests: sum(({ numPassedTests }) => numPassedTests),
    numFailedTests: sum(({ numFailedTests }) => numFailedTests),
    testResults: all.flatMap(({ testResults }) => testResults),
  };
}

/** Of test/models/same_logits.test.ts, where it ran. */
function logitDifferenceOf({ testResults }: Report): string {
  const found = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .map(({ meta }) => meta?.logitDifference)
    .find((difference) => difference !== undefined);
  return found?.toExponential(1) ?? '';
}

function skippedOf({ testResults }: Report): string[] {
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => !['passed', 'failed'].includes(status))
    .map(({ fullName }) => fullName);
}

const chromium = findChromium();
if (chromium) {
  const table = new Table({
    style: { head: [], border: [] },
    head: ['browser', 'passed', 'failed', 'skipped', 'logits within', 'minutes'],
  });
  for (const browser of named.length > 0 ? named : testedBrowsers) {
    const start = performance.now();
    const shards = shardsOf(browser);
    console.log(`\n${browser}`);
    const report = together(
      (shards.length > 0 ? shards : [undefined]).map((shard) => run(browser, chromium, shard)),
    );
    const minutes = ((performance.now() - start) / 60_000).toFixed(1);
    if (!report?.success) process.exitCode = 1;
    if (!report) {
      table.push([browser, 'did not run', '', '', '', minutes]);
      continue;
    }
    const skipped = skippedOf(report);
    for (const name of skipped) console.log(`skipped on ${browser}: ${name}`);
    const { numPassedTests, numFailedTests } = report;
    const logits = logitDifferenceOf(report);
    table.push([browser, numPassedTests, numFailedTests, skipped.length, logits, minutes]);
  }
  console.log(`\n${table}`);
} else {
  console.log(`skipped: ${howToGetChromium}`);
}
rmSync(folder, { recursive: true });
