/**
 * ONNX Runtime's side of bench/networks.ts: `npx tsx bench/peers/onnxruntime.ts PACKAGE FOLDER MODELS THREADS`, where
 * PACKAGE is onnxruntime-node or onnxruntime-web (its wasm), installed in FOLDER, and MODELS holds what export_onnx.py
 * wrote.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { formulaImages } from '../../test/support/formula.js';
import { serve } from './serve.js';

/** What both packages have in common. */
interface OnnxRuntime {
  InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>;
  };
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => object;
  env: { wasm: { numThreads: number } };
}

interface Session {
  run(feeds: Record<string, object>): Promise<Record<string, { data: Float32Array }>>;
}

const [packageName, folder, models, threadText] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];
const threads = Number(threadText);
const installed = createRequire(join(folder, 'package.json'));
const ort = installed(packageName) as OnnxRuntime;
const { version } = installed(join(folder, 'node_modules', packageName, 'package.json')) as {
  version: string;
};
if (packageName === 'onnxruntime-web') ort.env.wasm.numThreads = threads;

await serve(`${packageName} ${version}`, async (network, batch) => {
  const model = await readFile(join(models, `${network}.onnx`));
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [packageName === 'onnxruntime-web' ? 'wasm' : 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const size = network === 'ir50' ? 112 : 224;
  const data = formulaImages('images', batch, size);
  const images = new ort.Tensor('float32', data, [batch, 3, size, size]);
  return async () => (await session.run({ images })).output!.data;
});
