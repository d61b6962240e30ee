import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawSmallData } from '../node/small_data.js';
import { temporaryFolder } from '../node/temporary_folder.js';
import { type Outcome, runCommand } from './run_command.js';

const folder = temporaryFolder();
const data = join(folder, 'data');
const root = fileURLToPath(new URL('../..', import.meta.url));

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

beforeAll(() => drawSmallData(data));

/** Runs the command as a user does. `onOutput` sees all of stdout and stderr so far. */
function runProcess(
  args: readonly string[],
  onOutput: (text: string, interrupt: () => void) => void = () => undefined,
): Promise<Outcome> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
    cwd: root,
  });
  const outcome: Outcome = { code: -1, out: '', err: '' };
  const hear = (stream: 'out' | 'err') => (text: Buffer) => {
    outcome[stream] += text.toString();
    onOutput(outcome.out + outcome.err, () => child.kill('SIGINT'));
  };
  child.stdout.on('data', hear('out'));
  child.stderr.on('data', hear('err'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...outcome, code: code ?? -1 }));
  });
}

describe('the command as a process', () => {
  it('Ctrl-C ends it in order, with a checkpoint that --resume takes up', async () => {
    const out = join(folder, 'run');
    let interrupted = false;
    const result = await runProcess(
      ['train', '--data', data, '--preset', 'tiny', '--epochs', '500', '--out', out],
      (text, interrupt) => {
        if (interrupted || !text.includes('\nlr ')) return;
        interrupted = true;
        interrupt();
      },
    );
    expect(result.err.trim()).toBe(
      'stopping after this step with a checkpoint; press Ctrl-C again to quit at once',
    );
    expect(result.out).toContain(`continue with: btn-layers train --resume ${out}\n`);
    expect(result.code).toBe(130);
    expect(existsSync(join(out, 'last', 'model.json'))).toBe(true);
    const resumed = await runCommand('train', '--resume', out, '--max-steps', '1');
    expect(resumed.code).toBe(0);
    expect(resumed.out).toMatch(/\n(resuming|training) tiny BTN-7 /);
  });

  it('a mistake gives exit code 1 and a line, no trace', async () => {
    const [gpu, flag] = await Promise.all([
      runProcess(['train', '--data', join(folder, 'none'), '--gpu', '0']),
      runProcess(['train', '--batch_sise', '8']),
    ]);
    expect(flag).toEqual({
      code: 1,
      out: '',
      err: "btn-layers: unknown option '--batch-sise' (Did you mean --batch-size?) (--help lists the flags)\n",
    });
    expect(gpu.code).toBe(1);
    if (isInstalled('@tensorflow/tfjs-node-gpu')) return;
    expect(gpu.err.trim().split('\n').at(-1)).toMatch(
      /^btn-layers: @tensorflow\/tfjs-node-gpu is not installed: run `npm install @tensorflow\/tfjs-node-gpu@\d+\.\d+\.\d+`, or leave out --gpu to run on wasm$/,
    );
  });
});
