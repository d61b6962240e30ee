import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Where scripts/build_tfjs_node.sh built it, if anywhere. */
const tfjsNode = process.env.BTN_LAYERS_TFJS_NODE;

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^btn-layers$/, replacement: source('index.ts') },
      { find: /^btn-layers\/(\w+)$/, replacement: source('$1/index.ts') },
      ...(tfjsNode
        ? [
            {
              find: '@tensorflow/tfjs-node',
              replacement: resolve(tfjsNode, 'node_modules/@tensorflow/tfjs-node/dist/index.js'),
            },
          ]
        : []),
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // These are of a browser: vitest.browser.config.ts.
    exclude: ['test/browser/**'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    coverage: { include: ['src/**'], reporter: ['text', 'html'] },
  },
});
