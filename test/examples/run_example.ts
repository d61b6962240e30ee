import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { temporaryFolder } from '../node/temporary_folder.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Where the examples of a file of tests run: they write `data/` and `runs/` where they are started. */
export const folder = temporaryFolder();

/** What an example prints. Fails with its stderr and exit code. */
export async function runExample(name: string, ...args: string[]): Promise<string> {
  const path = join(repository, 'examples', name);
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', tsx, path, ...args], {
    cwd: folder,
    env: { ...process.env, TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json') },
  });
  return stdout;
}
