/**
 * Loads a PyTorch or safetensors checkpoint of a full-size network of 7 classes and says what it costs.
 * Run: `npx tsx bench/load_checkpoint.ts FILE btn|posterV2`. Its bars are 5 s and 2.5 times the file.
 */
import { readFileSync } from 'node:fs';
import { btn, btnConfig } from '../src/models/index.js';
import { selectBackend } from '../src/node/backend.js';
import { applyStateDict, loadTorchCheckpoint, readSafetensors } from '../src/weights/index.js';

const [path, network] = process.argv.slice(2);
if (path === undefined || (network !== 'btn' && network !== 'posterV2')) {
  throw new Error('usage: npx tsx bench/load_checkpoint.ts FILE btn|posterV2');
}

const read = (bytes: Uint8Array) =>
  path.endsWith('.safetensors') ? readSafetensors(bytes).tensors : loadTorchCheckpoint(bytes);
/** Of the process so far, in bytes. */
const peak = () => process.resourceUsage().maxRSS * 1024;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(2)} s`;

await selectBackend();
const extras = network === 'btn';
const options = { numClasses: 7, multiLevelAttention: extras, batchTransformer: extras, seed: 1 };
const model = btn(btnConfig('full', options));

const before = process.memoryUsage().rss;
const start = performance.now();
const bytes = readFileSync(path);
const stateDict = read(bytes);
const parsed = seconds(start);
const { matched, ignored } = applyStateDict(model, stateDict);
const applied = seconds(start);

console.log(`${megabytes(bytes.length)}, ${matched.length} weights set, ${ignored.length} ignored`);
console.log(`read and parsed after ${parsed}, applied after ${applied}`);
const extra = peak() - before;
console.log(
  `peak ${megabytes(peak())}, ${megabytes(extra)} more than the model alone: ` +
    `${(extra / bytes.length).toFixed(2)} times the file`,
);
