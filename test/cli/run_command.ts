import { CommanderError } from 'commander';
import { vi } from 'vitest';
import { hyphenate } from '../../src/cli/flags.js';
import { program } from '../../src/cli/program.js';
import { UserError } from '../../src/node/user_error.js';

export interface Outcome {
  /** Exit code. */
  code: number;
  out: string;
  err: string;
}

/**
 * Runs the command in this process, which saves the seconds that a new one takes to start, and does
 * with its errors what `main.ts` does. An error that is no mistake of the user's is thrown.
 */
export async function runCommand(...args: string[]): Promise<Outcome> {
  const [out, err]: [string[], string[]] = [[], []];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => {
    out.push(`${line}\n`);
  });
  const error = vi.spyOn(console, 'error').mockImplementation((line: string) => {
    err.push(`${line}\n`);
  });
  const command = program();
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({
      writeOut: (text) => out.push(text),
      writeErr: (text) => err.push(text),
    });
  }
  const listeners = process.listeners('SIGINT');
  let code = 0;
  try {
    await command.parseAsync(hyphenate(args), { from: 'user' });
  } catch (reason) {
    if (reason instanceof CommanderError) code = reason.exitCode;
    else if (reason instanceof UserError) {
      code = 1;
      err.push(`btn-layers: ${reason.message}\n`);
    } else throw reason;
  } finally {
    log.mockRestore();
    error.mockRestore();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const added = process.listeners(signal).filter((each) => !listeners.includes(each));
      for (const each of added) process.off(signal, each);
    }
  }
  return { code, out: out.join(''), err: err.join('') };
}
