import { fileURLToPath } from 'node:url';
import { mergeConfig } from 'vitest/config';
import {
  isolationHeaders,
  launchOptions,
  type TestedBrowser,
} from './test/support/browser/chromium.js';
import config from './vitest.config.js';

/** scripts/test_browser.ts, which runs this, says which browser and where it is. */
const browser = process.env.BTN_LAYERS_BROWSER as TestedBrowser;
const { BTN_LAYERS_CHROMIUM: chromium } = process.env;

const inBrowser = (name: string) =>
  fileURLToPath(new URL(`./test/support/browser/${name}`, import.meta.url));

/** Left out, and why. */
const needsNode = [
  // Lists the files of src/layers.
  'test/layers/index.test.ts',
  // Hashes with node:crypto.
  'test/training/resize.test.ts',
  // Imports in Node, in every order.
  'test/kernels/wasm/registration.test.ts',
];

/** Suites that compute with tensors, in a browser. What is Node's in their support is replaced. */
export default mergeConfig(
  { ...config, test: { ...config.test, include: [], exclude: [] } },
  {
    resolve: {
      alias: [
        { find: './runtime.js', replacement: inBrowser('runtime.ts') },
        { find: 'node:fs', replacement: inBrowser('files.ts') },
      ],
    },
    define: { 'process.env.BTN_ERRORS': 'undefined' },
    ...(browser === 'wasm-threads' && { server: { headers: isolationHeaders } }),
    optimizeDeps: {
      include: [
        '@tensorflow/tfjs-core',
        '@tensorflow/tfjs-layers',
        '@tensorflow/tfjs-backend-cpu',
        '@tensorflow/tfjs-backend-wasm',
        '@tensorflow/tfjs-backend-webgl',
        '@tensorflow/tfjs-backend-webgpu',
        'fast-check',
        'fflate',
        'pure-rand',
      ],
    },
    test: {
      include: [
        'test/kernels/{webgl,webgpu}/*.test.ts',
        'test/{browser,goldens,layers,models,ops,testing,training}/**/*.test.ts',
        ...(browser.startsWith('wasm') ? ['test/kernels/wasm/*.test.ts'] : []),
      ],
      exclude: needsNode,
      setupFiles: [inBrowser('setup.ts')],
      provide: { browser },
      fileParallelism: false,
      browser: {
        enabled: true,
        provider: 'playwright',
        headless: true,
        screenshotFailures: false,
        instances: [{ browser: 'chromium', launch: launchOptions(browser, chromium) }],
      },
    },
  },
);
