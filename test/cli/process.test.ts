import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectSameRun } from '../node/same_run.js';
import { drawSmallData } from '../node/small_data.js';
import { temporaryFolder } from '../node/temporary_folder.js';
import { runCommand } from './run_command.js';
import { runProcess } from './run_process.js';

const folder = temporaryFolder();
const data = join(folder, 'data');
/** One thread: to start others takes longer than these runs. */
const tiny = ['--preset', 'tiny', '--workers', '1'];

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

beforeAll(() => drawSmallData(data));

describe('the command as a process', () => {
  it('Ctrl-C ends it in order, with a checkpoint that --resume takes up', async () => {
    const out = join(folder, 'run');
    let interrupted = false;
    const result = await runProcess(
      ['train', '--data', data, ...tiny, '--epochs', '500', '--out', out],
      (text, child) => {
        if (interrupted || !text.includes('\nlr ')) return;
        interrupted = true;
        child.kill('SIGINT');
      },
    );
    expect(result.err.trim()).toBe(
      'stopping after this step with a checkpoint; press Ctrl-C again to quit at once',
    );
    expect(result.out).toContain(`continue with: npx btn-layers train --resume ${out}\n`);
    expect(result.code).toBe(130);
    expect(existsSync(join(out, 'last', 'model.json'))).toBe(true);
    const resumed = await runCommand('train', '--resume', out, '--max-steps', '1');
    expect(resumed.code).toBe(0);
    expect(resumed.out).toMatch(/\n(resuming|training) tiny BTN-7 /);
  });

  it('a second Ctrl-C ends it at once', async () => {
    const out = join(folder, 'quit');
    let interrupted = false;
    const result = await runProcess(
      ['train', '--data', data, ...tiny, '--epochs', '500', '--out', out],
      (text, child) => {
        if (interrupted || !text.includes('\nlr ')) return;
        interrupted = true;
        // Both are there by the end of the step under way, which holds up all else.
        child.kill('SIGINT');
        setTimeout(() => child.kill('SIGINT'), 5);
      },
    );
    expect([result.code, result.signal]).toEqual([130, null]);
    expect(result.err).toContain('press Ctrl-C again to quit at once');
    expect(result.out).not.toContain('continue with');
  });

  it('kill -9 in the middle of an epoch loses only what no checkpoint holds', async () => {
    const flags = ['--data', data, ...tiny, '--batch-size', '2', '--epochs', '4'];
    const straight = join(folder, 'straight');
    expect((await runCommand('train', ...flags, '--out', straight)).code).toBe(0);
    const out = join(folder, 'killed');
    const killed = await runProcess(['train', ...flags, '--out', out], (text, child) => {
      if (/\nepoch 2\/4 /.test(text)) child.kill('SIGKILL');
    });
    expect(killed.signal).toBe('SIGKILL');
    expect(killed.out).not.toMatch(/\nepoch 4\/4 /);
    const resumed = await runCommand('train', '--resume', out, '--workers', '1');
    expect(resumed.out).toMatch(/\nresuming tiny BTN-7 at epoch [34]/);
    expect(resumed.code).toBe(0);
    expectSameRun(out, straight);
    expect(readdirSync(out).sort()).toEqual(readdirSync(straight).sort());
  });

  it('a mistake gives exit code 1 and a line, no trace', async () => {
    const [gpu, flag] = await Promise.all([
      runProcess(['train', '--data', join(folder, 'none'), '--gpu', '0']),
      runProcess(['train', '--batch_sise', '8']),
    ]);
    expect(flag).toEqual({
      code: 1,
      signal: null,
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
