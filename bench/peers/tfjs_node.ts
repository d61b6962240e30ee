/**
 * btn-layers on tfjs-node, for bench/networks.ts and threads.ts: `npx tsx bench/peers/tfjs_node.ts [threads]`. Several
 * threads share a training step.
 */
import { createRequire } from 'node:module';
import { selectBackend } from '../../src/node/backend.js';
import { makeCase } from '../network_cases.js';
import { serve } from './serve.js';

const threads = Number(process.argv[2] ?? 1);
const log = console.log;
console.log = console.error; // Standard output is for answers; TensorFlow.js talks there too.
await selectBackend({ backend: 'tensorflow' });
console.log = log;
const { version } = createRequire(import.meta.url)('@tensorflow/tfjs-node/package.json');

await serve(
  `btn-layers on tfjs-node ${version}`,
  async (network, batch) => (await makeCase(network, batch, threads)).compute,
);
