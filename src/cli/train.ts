import { selectBackend } from '../node/backend.js';
import { progressReporter } from '../node/progress.js';
import { classReportTable } from '../node/report.js';
import { type TrainResult, train } from '../node/train.js';
import type { TrainSettings } from '../node/train_settings.js';
import { evaluateCommand } from './evaluate.js';
import type { BackendFlags } from './flags.js';
import { interruptSignal } from './interrupt.js';

interface TrainFlags
  extends BackendFlags,
    Partial<Omit<TrainSettings, 'learningRate' | 'augmentation' | 'decay'>> {
  lr?: number;
  maxSteps?: number;
  out?: string;
  resume?: string;
  rename?: string;
  evaluate?: string;
  strict?: boolean;
}

export async function trainCommand(flags: TrainFlags): Promise<void> {
  if (flags.evaluate !== undefined) {
    return evaluateCommand({ ...flags, checkpoint: flags.evaluate });
  }
  const { lr, backend, gpu, evaluate: _, ...rest } = flags;
  console.log(`backend: ${await selectBackend({ backend, gpu })}`);
  const interrupt = interruptSignal();
  const result = await train({
    ...rest,
    ...(lr !== undefined && { learningRate: lr }),
    signal: interrupt,
    reporter: progressReporter(),
  }).catch((error: unknown) => {
    if (error !== interrupt.reason) throw error;
    console.log('stopped before the first step: there is nothing to save');
  });
  if (result) console.log(resultText(result));
  if (interrupt.aborted) process.exitCode = 130;
}

function resultText({ folder, best, stopped }: TrainResult): string {
  const lines: string[] = [];
  if (best) {
    const { report, classNames } = best.evaluation;
    lines.push(
      `\nbest epoch ${best.epoch}, chosen on the test split, each image alone (vit):`,
      classReportTable(report, classNames),
      `report      ${best.files.report}`,
      `confusion   ${best.files.confusionMatrix}`,
      `curves      ${folder.curves}`,
      `best model  ${folder.best}`,
    );
  }
  lines.push(`last model  ${folder.last}`);
  if (stopped) lines.push(`stopped early; continue with: btn-layers train --resume ${folder.out}`);
  return lines.join('\n');
}
