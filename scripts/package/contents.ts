/** What the package may hold. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entryPoints, type Packed, root } from './project.js';

/** Of everything that npm packs. */
const maxPackedBytes = 1.5e6;
const documents = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];

/** @returns What is missing, what should not be there, and whether it is too large. */
export function contentProblems({ files, size }: Packed): string[] {
  const found = new Set(files.map(({ path }) => path));
  const wanted = new Set([...documents, ...builtFiles()]);
  const strange = [...found].filter((path) => !wanted.has(path) && !isChunk(path));
  const missing = [...wanted].filter((path) => !found.has(path));
  const maps = files.filter(({ path }) => path.endsWith('.map')).map(({ path }) => path);
  return [
    ...strange.map((path) => `${path} does not belong in the package`),
    ...missing.map((path) => `${path} is missing`),
    ...maps.filter(leavesPackage).map((path) => `${path} names a file outside the repository`),
    ...(size > maxPackedBytes ? [`${size} bytes packed, more than ${maxPackedBytes}`] : []),
  ];
}

/** A file for each module; for each entry point its CommonJS and its types as well. */
function builtFiles(): string[] {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const modules = sources.filter((path) => path.endsWith('.ts')).map((path) => path.slice(0, -3));
  return [
    ...modules.flatMap((path) => [`dist/${path}.js`, `dist/${path}.js.map`]),
    ...entryPoints.flatMap(({ module }) =>
      ['cjs', 'cjs.map', 'd.ts', 'd.cts'].map((ending) => `dist/${module}.${ending}`),
    ),
  ];
}

/** What several entry points share, named after its content. */
function isChunk(path: string): boolean {
  return /^dist\/chunk-\w+\.cjs(\.map)?$/.test(path) || /^dist\/\w+-[\w-]{8}\.d\.c?ts$/.test(path);
}

function leavesPackage(path: string): boolean {
  const { sources } = JSON.parse(readFileSync(join(root, path), 'utf8')) as { sources: string[] };
  const known = /^((\.\.\/)+(src\/.+\.ts|node_modules\/tsup\/.+)|[\w-]+\.cjs)$/;
  return sources.some((source) => !known.test(source));
}
