/** What the checks of the package share: where it is, what it exports, what npm packs. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import manifest from '../../package.json' with { type: 'json' };

export { manifest };
/** Runs a program; a failing one gives an error that holds its output. */
export const exec = promisify(execFile);
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** `.` is `index`, `./models` is `models/index`: the path in src/ and dist/ of an entry point's module. */
export const entryPoints = Object.keys(manifest.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => ({ entry, module: `${entry}/index`.slice(2) }));

export interface Packed {
  tarball: string;
  /** Bytes of the tarball. */
  size: number;
  files: { path: string; size: number }[];
}

/** Packs what dist/ holds now. @param to An existing folder. */
export async function pack(to: string): Promise<Packed> {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', to];
  const { stdout } = await exec('npm', args, { cwd: root, maxBuffer: 1e8 });
  const [{ filename, size, files }] = JSON.parse(stdout) as [Packed & { filename: string }];
  return { tarball: join(to, filename), size, files };
}
