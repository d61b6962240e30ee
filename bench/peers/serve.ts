/** The side of a peer that is written in TypeScript: see process.ts. */
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Network } from './process.js';

/** Runs a network once. @returns Its first output in PyTorch's layout. */
type Compute = () => Promise<Float32Array>;

export async function serve(
  name: string,
  make: (network: Network, batch: number) => Promise<Compute>,
): Promise<void> {
  console.log(name);
  let made: { key: string; compute: Compute } | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    const [network, batch, path] = line.split(' ') as [Network, string, string?];
    const key = `${network} ${batch}`;
    if (made?.key !== key) made = { key, compute: await make(network, Number(batch)) };
    const start = performance.now();
    const output = await made.compute();
    const seconds = (performance.now() - start) / 1000;
    if (path !== undefined) await writeFile(path, output);
    console.log(seconds);
  }
  process.exit(); // Threads of its own would keep it alive.
}
