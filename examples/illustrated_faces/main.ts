/** Draws a data set to train on: `npx tsx examples/illustrated_faces/main.ts --out data/faces`. */
import { parseArgs } from 'node:util';
import type { DataType } from 'btn-layers/training';
import { drawIllustratedFaces } from './draw.js';

const usage = `Draws a labelled data set of illustrated faces.

  --out FOLDER            where to put it (required)
  --data-type NAME        RAF-DB (default), AffectNet-7 or AffectNet-8
  --train-per-class N     training pictures of each class (200)
  --test-per-class N      test pictures of each class (40)
  --seed N                the same seed draws the same pictures (1)
  --size N                width and height in pixels (112)
  --help                  this text
`;

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`--${flag} is ${text}, expected a whole number`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      'data-type': { type: 'string' },
      'train-per-class': { type: 'string' },
      'test-per-class': { type: 'string' },
      seed: { type: 'string' },
      size: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  if (values.out === undefined) throw new Error(`--out is missing\n\n${usage}`);
  const started = performance.now();
  const { train, test, reused } = await drawIllustratedFaces({
    out: values.out,
    // drawIllustratedFaces names the known ones if this is not one of them.
    dataType: values['data-type'] as DataType | undefined,
    trainPerClass: numberOf('train-per-class', values['train-per-class']),
    testPerClass: numberOf('test-per-class', values['test-per-class']),
    seed: numberOf('seed', values.seed),
    size: numberOf('size', values.size),
    onProgress: (done, total) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total} faces`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const what = `${train} training and ${test} test faces in ${values.out}`;
  if (reused) console.log(`Kept ${what}: they were drawn with these options before.`);
  else console.log(`Drew ${what} in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
