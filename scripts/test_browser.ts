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

/** Runs the suites in one browser. @returns undefined where there is no report: vitest did not start. */
function run(browser: TestedBrowser, chromium: string, folder: string): Report | undefined {
  const outputFile = join(folder, `${browser}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`];
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const config = ['--config', 'vitest.browser.config.ts'];
  const paths = args.filter((argument) => !isBrowser(argument));
  console.log(`\n${browser}`);
  spawnSync(process.execPath, [vitest, 'run', ...config, ...reporters, ...paths], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, BTN_LAYERS_BROWSER: browser, BTN_LAYERS_CHROMIUM: chromium },
  });
  try {
    return JSON.parse(readFileSync(outputFile, 'utf8')) as Report;
  } catch {
    return undefined;
  }
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
  const folder = mkdtempSync(join(tmpdir(), 'btn-layers-browser-'));
  const table = new Table({
    style: { head: [], border: [] },
    head: ['browser', 'passed', 'failed', 'skipped', 'logits within', 'minutes'],
  });
  for (const browser of named.length > 0 ? named : testedBrowsers) {
    const start = performance.now();
    const report = run(browser, chromium, folder);
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
  rmSync(folder, { recursive: true });
  console.log(`\n${table}`);
} else {
  console.log(`skipped: ${howToGetChromium}`);
}
