/** A peer: a program that computes the same networks and answers each line of its stdin with one line. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Network = 'ir50' | 'btn_forward' | 'btn_step';

export interface PeerProcess {
  /** With its version. */
  name: string;
  /** Runs a network once. @returns How many seconds that took. */
  run(network: Network, batch: number): Promise<number>;
  /** The first output of a network, in PyTorch's layout. */
  output(network: Network, batch: number): Promise<Float32Array>;
  close(): void;
}

export async function startPeer(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<PeerProcess> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${args.join(' ')} ended`);
    return value;
  };
  const ask = async (...words: (string | number)[]) => {
    child.stdin.write(`${words.join(' ')}\n`);
    return Number(await answer());
  };
  return {
    name: await answer(),
    run: ask,
    async output(network, batch) {
      const folder = await mkdtemp(join(tmpdir(), 'btn-layers-bench-'));
      try {
        const path = join(folder, 'output');
        await ask(network, batch, path);
        return new Float32Array(new Uint8Array(await readFile(path)).buffer);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    close: () => child.stdin.end(),
  };
}

/** btn-layers on tfjs-node. @param workers How many threads share a training step. */
export function startTfjsNode(env: NodeJS.ProcessEnv = {}, workers = 1): Promise<PeerProcess> {
  const script = fileURLToPath(new URL('tfjs_node.ts', import.meta.url));
  return startPeer(process.execPath, ['--import', 'tsx', script, `${workers}`], {
    TF_CPP_MIN_LOG_LEVEL: '2',
    ...env,
  });
}
