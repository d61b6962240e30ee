import Table from 'cli-table3';
import { selectBackend } from '../node/backend.js';
import { percent } from '../node/format.js';
import { type Prediction, predict } from '../node/predict.js';
import { progressBar, skippedText } from '../node/progress.js';
import { UserError } from '../node/user_error.js';
import type { BackendFlags } from './flags.js';

interface PredictFlags extends BackendFlags {
  checkpoint?: string;
  json?: boolean;
  strict?: boolean;
}

export async function predictCommand(images: string[], flags: PredictFlags): Promise<void> {
  const { checkpoint, json, strict, backend, gpu } = flags;
  if (checkpoint === undefined) {
    throw new UserError('--checkpoint PATH is needed: a run folder or a model.json');
  }
  console.error(`backend: ${await selectBackend({ backend, gpu })}`);
  const bar = progressBar();
  const onProgress = (done: number, total: number) => bar.show('predicting', done, total, '');
  const { predictions, skipped } = await predict({
    checkpoint,
    images,
    strict,
    onProgress,
  }).finally(() => bar.clear());
  if (skipped.length > 0) console.error(skippedText(skipped));
  if (json) console.log(JSON.stringify(predictions, null, 2));
  else if (predictions.length > 0) console.log(tableOf(predictions));
  if (predictions.length === 0) throw new UserError('none of the images could be read');
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
