import { readFileSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import manifest from './package.json' with { type: 'json' };

/** The entry points of package.json: `./models` is src/models/index.ts. */
const library = Object.keys(manifest.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => `${entry}/index`.slice(2));
const sources = Object.fromEntries(library.map((name) => [name, `src/${name}.ts`]));

const common: Options = { target: 'node20', sourcemap: true };

/** Where tsup makes CommonJS of a file, its map names that file by an absolute path of the machine that builds. */
const relativeMaps: NonNullable<Options['plugins']>[number] = {
  name: 'relative-maps',
  buildEnd({ writtenFiles }) {
    for (const { name } of writtenFiles.filter((file) => file.name.endsWith('.map'))) {
      const map = JSON.parse(readFileSync(name, 'utf8')) as { sources: string[] };
      map.sources = map.sources.map((source) => (isAbsolute(source) ? basename(source) : source));
      writeFileSync(name, JSON.stringify(map));
    }
  },
};

export default defineConfig([
  // A file for each module, so that bundlers leave out the modules that a program does not use.
  { ...common, entry: ['src/**/*.ts'], bundle: false, format: 'esm', silent: true },
  // Splitting makes one copy of each class, whichever entry points a program requires; shims are of import.meta.url.
  {
    ...common,
    entry: sources,
    format: 'cjs',
    splitting: true,
    shims: true,
    plugins: [relativeMaps],
  },
  { entry: sources, dts: { only: true }, format: ['esm', 'cjs'] },
]);
