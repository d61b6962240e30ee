import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  // Works from any folder of any server.
  base: './',
  resolve: {
    // The sources beside this page, in the place of the installed package.
    alias: [
      { find: /^btn-layers$/, replacement: here('../../src/index.ts') },
      { find: /^btn-layers\/(\w+)$/, replacement: here('../../src/$1/index.ts') },
    ],
  },
  // Else what the worker imports is found only when it runs, and the page loads twice.
  optimizeDeps: { entries: ['index.html', 'src/network/worker.ts'] },
  worker: { format: 'es' },
  build: { target: 'es2022', assetsInlineLimit: 0 },
  server: { fs: { allow: [here('../..')] } },
});
