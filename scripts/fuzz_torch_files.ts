/**
 * Damages the files of test/fixtures/torch at random and reads them:
 *
 *     npx tsx scripts/fuzz_torch_files.ts --runs 100000 --seed 1
 *
 * Prints how often each error came, and the slowest. Ends with 1 at the first error that is not a
 * TorchFileError, having told the run that repeats it.
 */
import { parseArgs } from 'node:util';
import { Damage } from '../test/weights/torch/damage.js';
import { loadCode, readExpected, readFixture } from '../test/weights/torch/torch_bytes.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed);

const files = Object.keys(readExpected()).map(readFixture);
const counts = new Map<string, number>();
let slowest = 0;
const begin = performance.now();

for (let run = 0; run < runs; run++) {
  const damage = new Damage(seed + run);
  const bytes = damage.apply(damage.pick(files));
  const start = performance.now();
  const code = read(bytes, run);
  slowest = Math.max(slowest, performance.now() - start);
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

function read(bytes: Uint8Array, run: number): string {
  try {
    return loadCode(bytes);
  } catch (error) {
    console.error(`run ${run}: repeat it with --runs 1 --seed ${seed + run}`);
    throw error;
  }
}

for (const [code, count] of [...counts].sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(9)}  ${code}`);
}
const seconds = (performance.now() - begin) / 1000;
console.log(`${runs} runs in ${seconds.toFixed(1)} s, the slowest ${slowest.toFixed(1)} ms`);
