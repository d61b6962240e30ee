import Table from 'cli-table3';
import { selectBackend } from '../node/backend.js';
import { type Prediction, predict } from '../node/evaluation/predict.js';
import { percent } from '../node/format.js';
import { progressBar, skippedText } from '../node/reporters/progress.js';
import { UserError } from '../node/user_error.js';
import type { DataType } from '../training/data_types.js';
import { type BackendFlags, neededCheckpoint } from './flags.js';

interface PredictFlags extends BackendFlags {
  checkpoint?: string;
  dataType?: DataType;
  rename?: string;
  flipAverage?: boolean;
  json?: boolean;
  strict?: boolean;
}

export async function predictCommand(images: string[], flags: PredictFlags): Promise<void> {
  const { json, backend, gpu, allowSoftwareGpu, ...rest } = flags;
  const checkpoint = neededCheckpoint(flags.checkpoint);
  console.error(`backend: ${await selectBackend({ backend, gpu, allowSoftwareGpu })}`);
  const bar = progressBar();
  const onProgress = (done: number, total: number) => bar.show('predicting', done, total, '');
  const { predictions, skipped, notes } = await predict({
    ...rest,
    checkpoint,
    images,
    onProgress,
  }).finally(() => bar.clear());
  for (const note of notes) console.error(note);
  if (rest.flipAverage) console.error('probabilities are averaged with those of the mirror image');
  if (skipped.length > 0) console.error(skippedText(skipped, skipped.length));
  if (json) console.log(JSON.stringify(predictions, null, 2));
  else if (predictions.length > 0) console.log(tableOf(predictions));
  if (predictions.length === 0)
    throw new UserError('InvalidImage', 'none of the images could be read');
}

function tableOf(predictions: readonly Prediction[]): string {
  const classNames = Object.keys(predictions[0]!.probabilities);
  const table = new Table({
    head: ['image', 'expression', ...classNames],
    style: { head: [], border: [], compact: true },
  });
  for (const { path, label, probabilities } of predictions) {
    table.push([path, label, ...classNames.map((name) => percent(probabilities[name]!, 1))]);
  }
  return table.toString();
}
