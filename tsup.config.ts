import { defineConfig, type Options } from 'tsup';

const library = {
  index: 'src/index.ts',
  'models/index': 'src/models/index.ts',
  'weights/index': 'src/weights/index.ts',
  'training/index': 'src/training/index.ts',
  'node/index': 'src/node/index.ts',
};

const common: Options = {
  target: 'node20',
  sourcemap: true,
  // One copy of each layer class, whichever entry points a program imports.
  splitting: true,
};

export default defineConfig([
  { ...common, entry: { ...library, 'cli/main': 'src/cli/main.ts' }, format: 'esm' },
  { ...common, entry: library, format: 'cjs' },
  { entry: library, dts: { only: true }, format: ['esm', 'cjs'] },
]);
