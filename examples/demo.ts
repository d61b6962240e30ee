/**
 * The main job from beginning to end, on any machine: draws a data set of illustrated faces, trains
 * the tiny Batch Transformer Network on it in plain Node, and reads some faces it has never seen.
 *
 *     npm run demo
 *     npm run demo -- --classes 8 --seed 2
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  classReportTable,
  imageFolder,
  predict,
  progressReporter,
  selectBackend,
  train,
} from 'btn-layers/node';
import { type DataType, shuffled } from 'btn-layers/training';
import { drawIllustratedFaces } from './illustrated_faces/draw.js';

const dataTypes: Record<string, DataType> = { 7: 'RAF-DB', 8: 'AffectNet-8' };

async function demo(): Promise<void> {
  const { values } = parseArgs({
    options: {
      classes: { type: 'string', default: '7' },
      seed: { type: 'string', default: '1' },
      epochs: { type: 'string' },
      'train-per-class': { type: 'string', default: '400' },
      'test-per-class': { type: 'string', default: '40' },
      out: { type: 'string' },
    },
  });
  const dataType = dataTypes[values.classes];
  if (!dataType) throw new Error(`--classes must be 7 or 8, not ${values.classes}`);
  const seed = Number(values.seed);
  const data = join('data', `illustrated_faces_${values.classes}_seed${seed}`);
  const drawn = await drawIllustratedFaces({
    out: data,
    dataType,
    trainPerClass: Number(values['train-per-class']),
    testPerClass: Number(values['test-per-class']),
    seed,
    onProgress: (done, total) => {
      if (done === 1) console.log(`drawing ${total} faces, once`);
      if (process.stderr.isTTY)
        process.stderr.write(`\r${done} of ${total}${done === total ? '\n' : ''}`);
    },
  });
  console.log(
    `faces: ${drawn.train} to train on, ${drawn.test} of other people to test on, ${data}`,
  );

  console.log(`backend: ${await selectBackend()}`);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new Error('stopped before the first step')));
  const { folder, best, stopped } = await train({
    data,
    dataType,
    preset: 'tiny',
    seed,
    epochs: values.epochs === undefined ? undefined : Number(values.epochs),
    out: values.out ?? freeFolder(join('runs', 'demo')),
    signal: interrupt.signal,
    reporter: progressReporter(),
  });
  if (!best || stopped) {
    console.log(`stopped early; what was learned is in ${folder.last}`);
    return;
  }
  console.log(classReportTable(best.evaluation.report, best.evaluation.classNames));

  const { test, classNames } = await imageFolder(data, dataType, { splits: ['test'] });
  const some = shuffled(test, seed, 0).slice(0, 5);
  const images = some.map(({ path }) => path);
  const { predictions } = await predict({ checkpoint: folder.best, images });
  console.log('five faces of people it has never seen:');
  for (const [i, { path, label, probabilities }] of predictions.entries()) {
    const truth = classNames[some[i]!.label];
    const certainty = `${(100 * probabilities[label]!).toFixed(0)}%`;
    console.log(`  ${path}  ${label} (${certainty})${label === truth ? '' : `, but is ${truth}`}`);
  }
  console.log(`
the result as a page    ${folder.page}
its pictures            ${best.files.confusionMatrix}
                        ${folder.curves}
the model               ${folder.best}
try it on a picture     npx tsx src/cli/main.ts predict ${images[0]} --checkpoint ${folder.out}`);
}

/** `name`, or `name_2` and so on where that is taken. */
function freeFolder(name: string): string {
  for (let i = 1; ; i++) {
    const folder = i === 1 ? name : `${name}_${i}`;
    if (!existsSync(folder)) return folder;
  }
}

demo().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
