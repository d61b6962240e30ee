import { selectBackend } from '../node/backend.js';
import { evaluate } from '../node/evaluate.js';
import { passedOverText, progressBar, skippedText } from '../node/progress.js';
import { classReportTable } from '../node/report.js';
import { UserError } from '../node/user_error.js';
import type { DataType } from '../training/data_types.js';
import type { BackendFlags } from './flags.js';

interface EvaluateFlags extends BackendFlags {
  data?: string;
  dataType?: DataType;
  checkpoint?: string;
  rename?: string;
  batchSize?: number;
  out?: string;
  strict?: boolean;
}

export async function evaluateCommand(flags: EvaluateFlags): Promise<void> {
  const { data, checkpoint, backend, gpu, ...rest } = flags;
  if (data === undefined) throw new UserError('--data DIR is needed: the folder that holds test/');
  if (checkpoint === undefined) {
    throw new UserError(
      '--checkpoint PATH is needed: a run folder, a model.json, a .pth or a .safetensors',
    );
  }
  console.log(`backend: ${await selectBackend({ backend, gpu })}`);
  const bar = progressBar();
  const onProgress = (done: number, total: number) => bar.show('evaluating', done, total, '');
  const result = await evaluate({
    data,
    checkpoint,
    ...rest,
    onProgress,
  }).finally(() => bar.clear());
  for (const note of result.notes) console.log(note);
  if (result.passedOver > 0) console.log(passedOverText(result.passedOver));
  if (result.skipped.length > 0) console.log(skippedText(result.skipped));
  console.log(`${result.checkpoint}, each image alone (vit):`);
  console.log(classReportTable(result.report, result.classNames));
  if (result.files) {
    console.log(`report     ${result.files.report}\nconfusion  ${result.files.confusionMatrix}`);
  }
}
