import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './run_command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Outcome of a process; `signal` is what killed it, if something did. */
export interface ProcessOutcome extends Outcome {
  signal: NodeJS.Signals | null;
}

/** Runs the command as a user does. `onOutput` sees all of stdout and stderr so far. */
export function runProcess(
  args: readonly string[],
  onOutput: (text: string, child: ChildProcess) => void = () => undefined,
): Promise<ProcessOutcome> {
  return startProcess(args, onOutput).outcome;
}

/** As `runProcess`, with the process to send signals to. */
export function startProcess(
  args: readonly string[],
  onOutput: (text: string, child: ChildProcess) => void = () => undefined,
): { child: ChildProcess; outcome: Promise<ProcessOutcome> } {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome: ProcessOutcome = { code: -1, out: '', err: '', signal: null };
  const hear = (stream: 'out' | 'err') => (text: Buffer) => {
    outcome[stream] += text.toString();
    onOutput(outcome.out + outcome.err, child);
  };
  child.stdout.on('data', hear('out'));
  child.stderr.on('data', hear('err'));
  const ended = new Promise<ProcessOutcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...outcome, code: code ?? -1, signal }));
  });
  return { child, outcome: ended };
}
