/**
 * Compiles assembly/: kernels into src/kernels/wasm/binaries.ts, with and without relaxed SIMD, and what works on images into
 * src/training/ and src/node/images/. Run: `npx tsx scripts/build_assembly.ts`;
 * with `--check` it only says whether these are up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { main as compile } from 'assemblyscript/asc';
import { withSharedMemory } from '../src/kernels/wasm/shared_memory.js';

const root = new URL('../', import.meta.url);

/** Raw loads and stores in a memory that is given: no runtime, no memory of their own. */
const common = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory'];
const simd = ['--enable', 'simd'];
const relaxed = [...simd, '--enable', 'relaxed-simd'];
const shared = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];

const variants = { simd, relaxedSimd: relaxed };

async function compiled(source: string, flags: readonly string[]): Promise<Buffer> {
  let binary: Uint8Array | undefined;
  const baseDir = fileURLToPath(root);
  const options = [source, ...common, ...flags, '--baseDir', baseDir];
  const { error, stderr } = await compile([...options, '--outFile', 'out.wasm'], {
    writeFile: (name, contents) => {
      if (name === 'out.wasm') binary = contents as Uint8Array;
    },
  });
  if (error || !binary) throw new Error(`${source} does not compile\n${stderr.toString()}`);
  checkSections(binary);
  return Buffer.from(binary);
}

/** Static data would be written over tfjs's own, at low addresses of the heap that is shared. */
function checkSections(binary: Uint8Array): void {
  const dataSection = 11;
  const startSection = 8;
  for (let at = 8; at < binary.length; ) {
    const id = binary[at]!;
    if (id === dataSection || id === startSection) {
      throw new Error('assembly/ must have no static data and no code outside functions');
    }
    let size = 0;
    let shift = 0;
    for (at++; ; at++, shift += 7) {
      size |= (binary[at]! & 0x7f) << shift;
      if (binary[at]! < 0x80) break;
    }
    at += 1 + size;
  }
}

async function write(target: string, code: string): Promise<void> {
  const path = fileURLToPath(new URL(target, root));
  const comment = 'Compiled from assembly/ by scripts/build_assembly.ts: WebAssembly in base64.';
  const text = `/** ${comment} Do not edit. */\n${code}`;
  if (!process.argv.includes('--check')) {
    await writeFile(path, text);
  } else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    console.error(`${target} is not what assembly/ compiles to: npm run build:assembly`);
    process.exitCode = 1;
  }
}

const entries: string[] = [];
for (const [name, flags] of Object.entries(variants)) {
  const binary = await compiled('assembly/index.ts', flags);
  const forThreads = await compiled('assembly/index.ts', [...flags, ...shared]);
  if (!forThreads.equals(withSharedMemory(binary))) {
    throw new Error('for threads, the compiler makes something else than withSharedMemory');
  }
  entries.push(`  ${name}:\n    '${binary.toString('base64')}',\n`);
}
await write('src/kernels/wasm/binaries.ts', `export const binaries = {\n${entries.join('')}};\n`);

for (const [name, target] of [
  ['normalise', 'src/training/normalise_binary.ts'],
  ['resize', 'src/training/resize_binary.ts'],
  ['jpeg', 'src/node/images/jpeg_binary.ts'],
]) {
  const binary = (await compiled(`assembly/${name}.ts`, simd)).toString('base64');
  await write(target!, `export const ${name}Binary =\n  '${binary}';\n`);
}
