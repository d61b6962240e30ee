/**
 * Compiles assembly/ into src/kernels/wasm/binaries.ts: with and without relaxed SIMD, each for plain and for
 * shared memory. Run: `npx tsx scripts/build_assembly.ts`; with `--check` it only says whether the file is up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { main as compile } from 'assemblyscript/asc';

const root = new URL('../', import.meta.url);
const target = fileURLToPath(new URL('src/kernels/wasm/binaries.ts', root));

/** Raw loads and stores in the heap of tfjs-backend-wasm: no runtime, no memory of their own. */
const common = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory'];
const simd = ['--enable', 'simd'];
const relaxed = [...simd, '--enable', 'relaxed-simd'];
const shared = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];

const variants = {
  simd,
  relaxedSimd: relaxed,
  sharedSimd: [...simd, ...shared],
  sharedRelaxedSimd: [...relaxed, ...shared],
};

async function compileVariant(flags: readonly string[]): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const baseDir = fileURLToPath(root);
  const options = ['assembly/index.ts', ...common, ...flags, '--baseDir', baseDir];
  const { error, stderr } = await compile([...options, '--outFile', 'kernels.wasm'], {
    writeFile: (name, contents) => {
      if (name === 'kernels.wasm') binary = contents as Uint8Array;
    },
  });
  if (error || !binary) throw new Error(`assembly/ does not compile\n${stderr.toString()}`);
  checkSections(binary);
  return binary;
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

const entries: string[] = [];
for (const [name, flags] of Object.entries(variants)) {
  const binary = await compileVariant(flags);
  entries.push(`  ${name}:\n    '${Buffer.from(binary).toString('base64')}',`);
}
const text = `/** Compiled from assembly/ by scripts/build_assembly.ts: WebAssembly in base64. Do not edit. */
export const binaries = {
${entries.join('\n')}
};
`;

if (!process.argv.includes('--check')) {
  await writeFile(target, text);
} else if ((await readFile(target, 'utf8').catch(() => '')) !== text) {
  console.error(
    'src/kernels/wasm/binaries.ts is not what assembly/ compiles to: npm run build:assembly',
  );
  process.exitCode = 1;
}
