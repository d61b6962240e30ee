import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Run } from './plan.js';
import { appendResult, closeLastLine, missingRuns, type Result, readResults } from './results.js';
import type { Task } from './run_one.js';

/** Does one run at a time. */
export interface Lane {
  measure(run: Run): Promise<Result>;
  close(): void;
}

/** A lane that is a child process. */
export async function openChild(folders: Omit<Task, 'run'>): Promise<Lane> {
  const child = fork(fileURLToPath(new URL('./run_one.ts', import.meta.url)));
  await answerOf(child);
  return {
    async measure(run) {
      child.send({ run, ...folders } satisfies Task);
      const answer = (await answerOf(child)) as Result | { error: string };
      if ('error' in answer) throw new Error(answer.error);
      return answer;
    },
    close: () => child.kill(),
  };
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const done = new AbortController();
  const ended = once(child, 'exit', done).then(([code, signal]) => {
    throw new Error(`a child process ended (${signal ?? `exit code ${code}`})`);
  });
  ended.catch(() => undefined); // Also when `done` ends the wait.
  try {
    const [answer] = await Promise.race([once(child, 'message', done), ended]);
    return answer;
  } finally {
    done.abort();
  }
}

/**
 * Does the runs of a plan that have no result yet, one in each lane at a time, and appends a line to
 * the file of results for each. The first failure ends all.
 *
 * @param onResult Called with how many of the missing runs are done, and how many there were.
 */
export async function runMissing(
  plan: readonly Run[],
  path: string,
  lanes: readonly Lane[],
  onResult: (result: Result, done: number, total: number) => void,
): Promise<void> {
  await closeLastLine(path);
  const missing = missingRuns(plan, await readResults(path));
  const left = [...missing];
  let done = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      for (let run = left.shift(); run !== undefined; run = left.shift()) {
        const result = await lane.measure(run).catch((error: unknown) => {
          left.length = 0;
          throw error;
        });
        await appendResult(path, result);
        onResult(result, ++done, missing.length);
      }
    }),
  );
}
