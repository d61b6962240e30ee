/** btn-layers on tfjs-node, for bench/networks.ts: `npx tsx bench/peers/tfjs_node.ts FOLDER`, where it was built. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { restoreNodeFunctions } from '../../src/node/backend.js';
import { makeCase } from '../network_cases.js';
import { serve } from './serve.js';

const [folder] = process.argv.slice(2) as [string];
restoreNodeFunctions();
const { version } = createRequire(resolve(folder, 'package.json'))('@tensorflow/tfjs-node') as {
  version: Record<string, string>;
};
await tf.setBackend('tensorflow');

await serve(
  `btn-layers on tfjs-node ${version['tfjs-node']}`,
  async (network, batch) => (await makeCase(network, batch)).compute,
);
