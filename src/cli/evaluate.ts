import { selectBackend } from '../node/backend.js';
import { evaluate } from '../node/evaluation/evaluate.js';
import { type EvaluationFiles, numbersOf } from '../node/evaluation/write_evaluation.js';
import { evaluationText } from '../node/report/report.js';
import { passedOverText, progressBar, skippedText } from '../node/reporters/progress.js';
import { UserError } from '../node/user_error.js';
import type { Corruption, Severity } from '../training/corruption.js';
import type { DataType } from '../training/data_types.js';
import { type BackendFlags, neededCheckpoint, type OutputFlags } from './flags.js';

interface EvaluateFlags extends BackendFlags, OutputFlags {
  data?: string;
  dataType?: DataType;
  checkpoint?: string;
  rename?: string;
  batchSize?: number;
  vitOnly?: boolean;
  flipAverage?: boolean;
  corrupt?: Corruption[];
  severity?: Severity;
  out?: string;
  strict?: boolean;
}

export async function evaluateCommand(flags: EvaluateFlags): Promise<void> {
  const { data, corrupt, severity, quiet, json, ...others } = flags;
  const { backend, gpu, allowSoftwareGpu, ...rest } = others;
  if (data === undefined)
    throw new UserError('InvalidSettings', '--data DIR is needed: the folder that holds test/');
  const checkpoint = neededCheckpoint(flags.checkpoint);
  const chosen = await selectBackend({ backend, gpu, allowSoftwareGpu });
  const say = (event: string, fields: object) => {
    if (json) console.log(JSON.stringify({ event, ...fields }));
  };
  say('start', { command: 'evaluate', backend: chosen, data, checkpoint });
  if (!quiet && !json) console.log(`backend: ${chosen}`);
  const bar = progressBar();
  const onProgress = (done: number, total: number) => {
    say('progress', { done, total });
    if (!quiet && !json) bar.show('evaluating', done, total, '');
  };
  const result = await evaluate({
    data,
    ...rest,
    checkpoint,
    corruptions: corrupt,
    severities: severity && [severity],
    onProgress,
  }).finally(() => bar.clear());
  say('end', numbersOf(result));
  if (json) return;
  if (!quiet) {
    for (const note of result.notes) console.log(note);
    if (result.passedOver > 0) console.log(passedOverText(result.passedOver));
    if (result.skipped.length > 0) console.log(skippedText(result.skipped));
  }
  const flip = result.flipAverage ? ', averaged with its mirror image' : '';
  console.log(`${result.checkpoint}, each image alone (vit)${flip}:`);
  console.log(evaluationText(result));
  if (result.files) console.log(filesText(result.files));
}

const fileNames: Record<keyof EvaluationFiles, string> = {
  page: 'page',
  report: 'report',
  json: 'numbers',
  predictions: 'predictions',
  confusionMatrix: 'confusion',
  classes: 'classes',
  calibration: 'calibration',
  robustness: 'robustness',
  corruptions: 'corruptions',
};

function filesText(files: EvaluationFiles): string {
  return Object.entries(fileNames)
    .flatMap(([key, name]) => {
      const path = files[key as keyof EvaluationFiles];
      return path === undefined ? [] : [`${name.padEnd(12)} ${path}`];
    })
    .join('\n');
}
