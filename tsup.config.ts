import { defineConfig, type Options } from 'tsup';

const library = {
  index: 'src/index.ts',
  'models/index': 'src/models/index.ts',
  'weights/index': 'src/weights/index.ts',
  'training/index': 'src/training/index.ts',
  'node/index': 'src/node/index.ts',
};

const programs = {
  'cli/main': 'src/cli/main.ts',
  'node/threads/thread': 'src/node/threads/thread.ts',
};

const common: Options = {
  target: 'node20',
  sourcemap: true,
  // One copy of each layer class, whichever entry points a program imports.
  splitting: true,
};

export default defineConfig([
  { ...common, entry: { ...library, ...programs }, format: 'esm' },
  // Of import.meta.url, by which a thread's file is found.
  { ...common, entry: library, format: 'cjs', shims: true },
  { entry: library, dts: { only: true }, format: ['esm', 'cjs'] },
]);
