/** How much of this package ends up in a program that esbuild bundles and minifies, without TensorFlow.js. */
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { root } from './project.js';

export interface Size {
  program: string;
  /** gzip, in kB of 1000 bytes: what the program imports, without the kernels of one backend, wasm. */
  own: number;
  /** The wasm kernels: what compiles and calls them, and the binaries, which are text in base64. */
  wasm: number;
  limit: number;
}

/** Limits of `own`, in kB. */
const programs: [program: string, code: string, limit: number][] = [
  ['one op', "export { classBatchAttention } from './dist/index.js'", 12],
  ['BatchTransformer', "export { BatchTransformer } from './dist/index.js'", 14],
  ['btn-layers', "export * from './dist/index.js'", 25],
  ['btn-layers/models', "export * from './dist/models/index.js'", 30],
  ['btn-layers/training', "export * from './dist/training/index.js'", 30],
  ['btn-layers/weights', "export * from './dist/weights/index.js'", 20],
];

export const wasmLimit = 55;

export function measureSizes(): Promise<Size[]> {
  return Promise.all(
    programs.map(async ([program, code, limit]) => {
      const own = await gzipped(code, true);
      return { program, own, wasm: (await gzipped(code, false)) - own, limit };
    }),
  );
}

async function gzipped(contents: string, withoutWasm: boolean): Promise<number> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    external: ['@tensorflow/*', ...(withoutWasm ? ['./wasm/index.js'] : [])],
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1000;
}
