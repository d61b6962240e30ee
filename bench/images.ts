/**
 * Times reading, decoding, resizing and augmenting images as the trainer does in an epoch, per core, against torchvision
 * with PIL where BTN_LAYERS_PYTHON names a Python that has it: processor time an image, whichever threads spend it, in
 * interleaved rounds. Both give the same pixels (test/node/images/pixels.test.ts). Run: `npx tsx bench/images.ts [rounds]`.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { imageSource } from '../src/node/images/image_source.js';
import { preparedBatches } from '../src/node/training/prepared_batches.js';
import { batches, recipeOf } from '../src/training/index.js';
import { machine, median } from './measure.js';

// As the heap of TensorFlow.js grows in training: V8 checks each access to a typed array from then on.
new WebAssembly.Memory({ initial: 1 }).grow(1);

const rounds = Number(process.argv[2] ?? 5);
const copies = 1024;
const batch = 16;
const size = 224;
const { augmentation } = recipeOf('RAF-DB', 'full');
const fixture = (name: string) =>
  fileURLToPath(new URL(`../test/fixtures/pixels/${name}`, import.meta.url));
const files = ['face_100_420.jpg', 'face_224_420.jpg', 'face_512_420.jpg', 'scene_1024_420.jpg'];

/** Processor milliseconds an image, of batches as the trainer reads them. */
async function ours(path: string): Promise<number> {
  const images = Array.from({ length: copies }, () => ({ path, label: 0 }));
  const before = process.cpuUsage();
  const source = imageSource(images, size, { memoryBytes: 0 });
  const draws = batches([...images.keys()], batch);
  for await (const _ of preparedBatches(source, draws, augmentation, 1, 0));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / copies;
}

async function torchvision() {
  const { BTN_LAYERS_PYTHON } = process.env;
  if (!BTN_LAYERS_PYTHON) return undefined;
  const script = fileURLToPath(new URL('peers/torchvision_images.py', import.meta.url));
  const child = spawn(BTN_LAYERS_PYTHON, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const name = (await lines.next()).value as string;
  const run = async (path: string) => {
    child.stdin.write(`${path} ${copies}\n`);
    return 1000 * Number((await lines.next()).value);
  };
  return { name, run, close: () => child.stdin.end() };
}

const peer = await torchvision();
console.log(`${machine()}; ${rounds} interleaved rounds of ${copies} images, to ${size} px\n`);
console.log(`| file | ours, ms | ${peer?.name ?? 'torchvision: BTN_LAYERS_PYTHON is not set'} | |`);
console.log('|---|---:|---:|---:|');
for (const file of files) {
  const times: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    const own = await ours(fixture(file));
    const theirs = peer ? await peer.run(fixture(file)) : Number.NaN;
    if (round < 0) continue;
    times[0].push(own);
    times[1].push(theirs);
  }
  const [own, theirs] = times.map(median) as [number, number];
  const ratio = peer ? `${(theirs / own).toFixed(2)}× as fast` : '';
  console.log(`| ${file} | ${own.toFixed(2)} | ${theirs.toFixed(2)} | ${ratio} |`);
}
peer?.close();
