import { selectBackend } from '../node/backend.js';
import { classReportTable } from '../node/report/report.js';
import { allReporters } from '../node/reporters/all_reporters.js';
import { jsonReporter } from '../node/reporters/json_reporter.js';
import { progressReporter } from '../node/reporters/progress.js';
import { tensorboardReporter } from '../node/reporters/tensorboard.js';
import { chooserText } from '../node/training/run_folder.js';
import { type TrainResult, train } from '../node/training/train.js';
import type { TrainReporter } from '../node/training/train_options.js';
import type { TrainSettings } from '../node/training/train_settings.js';
import type { Augmentation } from '../training/augmentation.js';
import { evaluateCommand } from './evaluate.js';
import type { BackendFlags, OutputFlags } from './flags.js';
import { interruptSignal } from './interrupt.js';

interface TrainFlags
  extends BackendFlags,
    OutputFlags,
    Partial<Omit<TrainSettings, 'learningRate' | 'augmentation'>> {
  lr?: number;
  colorJitter?: number[] | false;
  affine?: number[] | false;
  randAugment?: number[] | false;
  config?: string;
  maxSteps?: number;
  out?: string;
  resume?: string;
  rename?: string;
  evaluate?: string;
  tensorboard?: string;
  strict?: boolean;
}

export async function trainCommand(flags: TrainFlags): Promise<void> {
  if (flags.evaluate !== undefined) {
    return evaluateCommand({ ...flags, checkpoint: flags.evaluate });
  }
  const { lr, colorJitter, affine, randAugment, evaluate: _, ...others } = flags;
  const { backend, gpu, allowSoftwareGpu, tensorboard, quiet, json, ...rest } = others;
  const chosen = await selectBackend({ backend, gpu, allowSoftwareGpu });
  if (!quiet && !json) console.log(`backend: ${chosen}`);
  const reporters = [
    ...terminalReporters(chosen, { quiet, json }),
    ...(tensorboard === undefined ? [] : [await tensorboardReporter(tensorboard)]),
  ];
  const interrupt = interruptSignal();
  const result = await train({
    ...rest,
    ...(lr !== undefined && { learningRate: lr }),
    augmentation: augmentationOf({ colorJitter, affine, randAugment }),
    signal: interrupt,
    reporter: allReporters(...reporters),
  }).catch((error: unknown) => {
    if (error !== interrupt.reason) throw error;
    return undefined;
  });
  console.log((json ? resultJson : resultText)(result));
  if (interrupt.aborted) process.exitCode = 130;
}

function terminalReporters(backend: string, { quiet, json }: OutputFlags): TrainReporter[] {
  if (json) return [jsonReporter(backend)];
  return quiet ? [] : [progressReporter()];
}

/** What flags say of augmentation. */
function augmentationOf({
  colorJitter,
  affine,
  randAugment,
}: Pick<TrainFlags, 'colorJitter' | 'affine' | 'randAugment'>): Partial<Augmentation> {
  return {
    ...(colorJitter !== undefined && {
      colorJitter: colorJitter ? colorJitterOf(colorJitter) : undefined,
    }),
    ...(affine !== undefined && { affine: affine ? affineOf(affine) : undefined }),
    ...(randAugment !== undefined && {
      randAugment: randAugment ? randAugmentOf(randAugment) : undefined,
    }),
  };
}

/** Of one number, brightness, contrast and saturation change by it. */
function colorJitterOf([brightness, ...rest]: number[]): Augmentation['colorJitter'] {
  const [contrast, saturation, hue] = rest.length > 0 ? rest : [brightness, brightness, 0];
  return { brightness: brightness!, contrast: contrast!, saturation: saturation!, hue: hue! };
}

function affineOf([degrees, translate, least, greatest, shear]: number[]): Augmentation['affine'] {
  return {
    degrees: degrees!,
    translate: translate!,
    scale: [least!, greatest!],
    shear: shear!,
  };
}

function randAugmentOf([operations, magnitude]: number[]): Augmentation['randAugment'] {
  return { operations: operations!, magnitude: magnitude! };
}

/** The last line of `--json`; with no result, the run was stopped before its first step. */
function resultJson(result: TrainResult | undefined): string {
  const { folder, best, test, stopped } = result ?? { stopped: true };
  return JSON.stringify({ event: 'end', stopped, folder, best, test });
}

function resultText(result: TrainResult | undefined): string {
  if (!result) return 'stopped before the first step: there is nothing to save';
  const { folder, best, test, settings, stopped } = result;
  const lines: string[] = [];
  if (best) {
    const { report, classNames } = test ?? best.evaluation;
    lines.push(
      `\nbest epoch ${best.epoch}, chosen on ${chooserText(settings)}, each image alone (vit)` +
        `${test ? ', evaluated on the test split' : ''}:`,
      classReportTable(report, classNames),
      `page        ${folder.page}`,
      `report      ${best.files.report}`,
      `confusion   ${best.files.confusionMatrix}`,
      `curves      ${folder.curves}`,
      `best model  ${folder.best}`,
    );
  }
  lines.push(`last model  ${folder.last}`);
  if (stopped)
    lines.push(`stopped early; continue with: npx btn-layers train --resume ${folder.out}`);
  return lines.join('\n');
}
