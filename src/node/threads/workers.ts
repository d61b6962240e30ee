import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { firstLine, UserError } from '../user_error.js';
import type { Answer, Job, ThreadStart } from './messages.js';

type AnswerOf<Kind extends Answer['kind']> = Extract<Answer, { kind: Kind }>;

/** Threads that take jobs and answer. */
export interface Workers {
  readonly count: number;
  /** @throws UserError when any thread has died. */
  send(thread: number, job: Job): void;
  /** The next answer of a thread. @throws UserError when any thread dies before. */
  answer<Kind extends Answer['kind']>(thread: number, kind: Kind): Promise<AnswerOf<Kind>>;
  /** One answer of each. @throws as `answer`. */
  answers<Kind extends Answer['kind']>(kind: Kind): Promise<AnswerOf<Kind>[]>;
  /** Ends all at once, whatever they do. */
  close(): Promise<void>;
}

/**
 * Starts threads. When one dies, all others are ended with it: whoever waits for an answer is told.
 *
 * @param start What the threads are given.
 * @throws UserError when one does not start.
 */
export async function startWorkers(start: Omit<ThreadStart, 'index'>): Promise<Workers> {
  const mailboxes = Array.from({ length: start.threads }, () => new Mailbox());
  let isClosed = false;
  let failure: UserError | undefined;

  const workers = mailboxes.map((mailbox, index) => {
    const worker = new Worker(threadFile(), { workerData: { ...start, index } });
    worker.on('message', (answer: Answer) => {
      if (answer.kind === 'failed') fail(answer.message);
      else mailbox.put(answer);
    });
    worker.on('error', (error) => fail(firstLine(error)));
    worker.on('exit', (code) => fail(`it ended with code ${code}`));
    return worker;
  });

  function fail(reason: string): void {
    if (isClosed) return;
    failure = new UserError('WorkerDied', `a worker thread died: ${reason}`);
    void close();
  }

  async function close(): Promise<void> {
    isClosed = true;
    failure ??= new UserError('WorkerDied', 'the worker threads are closed');
    for (const mailbox of mailboxes) mailbox.break(failure);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  async function answer<Kind extends Answer['kind']>(thread: number, kind: Kind) {
    const next = await mailboxes[thread]!.take();
    if (next.kind === kind) return next as AnswerOf<Kind>;
    throw new Error(`a worker thread answered '${next.kind}' where '${kind}' was expected`);
  }

  const group: Workers = {
    count: start.threads,
    send: (thread, job) => {
      if (failure) throw failure;
      workers[thread]!.postMessage(job);
    },
    answer,
    answers: (kind) => Promise.all(mailboxes.map((_, thread) => answer(thread, kind))),
    close,
  };
  await group.answers('ready');
  return group;
}

/** Answers of one thread in their order, for one taker at a time. */
class Mailbox {
  private readonly answers: Answer[] = [];
  private taker: PromiseWithResolvers | undefined;
  private failure: Error | undefined;

  put(answer: Answer): void {
    if (this.taker) this.taker.resolve(answer);
    else this.answers.push(answer);
    this.taker = undefined;
  }

  break(failure: Error): void {
    this.failure = failure;
    this.taker?.reject(failure);
  }

  take(): Promise<Answer> {
    const early = this.answers.shift();
    if (early) return Promise.resolve(early);
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.taker = { resolve, reject };
    });
  }
}

interface PromiseWithResolvers {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Beside this file; the package's CommonJS is bundled, and takes itself for a file of dist/. */
function threadFile(): URL {
  const places = ['./from_source.mjs', './thread.js', './node/threads/thread.js'];
  return places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url))!;
}
