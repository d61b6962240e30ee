/**
 * Runs every benchmark and writes the tables to bench/results/, named by processor and Node. Run:
 * `npm run bench`, or `npm run bench -- networks` for one. Peers: bench/README.md.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const benchmarks = [
  'kernels',
  'winograd',
  'op_kernels',
  'tensorflow_kernels',
  'attention',
  'inference',
  'networks',
  'threads',
  'large_batch',
  'images',
  'webgpu_attention',
];
const wanted = process.argv.slice(2);
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const unknown = wanted.filter((name) => !benchmarks.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}: there are ${benchmarks.join(', ')}`);
  process.exit(1);
}

/** Such as `amd_epyc_node20`. */
const machine = `${cpus()[0]?.model ?? 'unknown'}`
  .toLowerCase()
  .replace(/\(.*?\)|processor|cpu|@.*/g, '')
  .trim()
  .split(/[^a-z0-9]+/)
  .slice(0, 2)
  .join('_');
const node = `node${process.versions.node.split('.')[0]}`;

for (const name of wanted.length > 0 ? wanted : benchmarks) {
  console.error(`${name} …`);
  const { stdout, status } = spawnSync(process.execPath, ['--import', 'tsx', here(`${name}.ts`)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  const table = stdout.replace(/\n=+\n[\s\S]*?\n=+\n/g, ''); // The advertisement of tfjs-node.
  console.log(table);
  writeFileSync(here(`results/${name}_${machine}_${node}.md`), `${table.trim()}\n`);
}
