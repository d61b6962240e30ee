import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { confusionMatrixSvg } from '../charts/confusion_matrix_svg.js';
import type { Evaluation } from '../report/report.js';
import type { EpochLog } from '../training/run_folder.js';
import type { RunStart, StepState, TrainReporter } from '../training/train_options.js';
import { makeFolder } from '../write_file.js';
import { appendEvent, type SummaryValue, type TensorBoardEvent } from './event_file.js';

/**
 * Writes a training run as TensorBoard reads it: the losses and the learning rate of each step, means,
 * accuracies and speed of each epoch, and the confusion matrix of each best epoch. The x-axis is the number
 * of steps taken.
 *
 * Each process writes a file of its own. That of a run that goes on begins with a mark at which TensorBoard
 * forgets steps that were taken after the checkpoint, and are taken anew.
 *
 * @param dir is made where it is missing.
 * @throws UserError when it cannot be written to, then or later.
 *
 * @example
 * const reporter = await tensorboardReporter('runs/board/tensorboard');
 * await train({ data: 'raf-db', preset: 'tiny', epochs: 1, out: 'runs/board', reporter });
 * console.log((await readdir('runs/board/tensorboard')).length); // 1
 */
export async function tensorboardReporter(dir: string): Promise<TrainReporter> {
  await makeFolder(dir);
  const path = join(dir, newFileName(dir));
  let step = 0;
  const append = (event: Omit<TensorBoardEvent, 'wallTime' | 'step'>) =>
    appendEvent(path, { wallTime: Date.now() / 1000, step, ...event });
  return {
    started(run: RunStart) {
      appendEvent(path, { wallTime: Date.now() / 1000, step: 0, fileVersion: 'brain.Event:2' });
      step = run.step;
      if (step > 0) {
        appendEvent(path, { wallTime: Date.now() / 1000, step: step + 1, restart: true });
      }
    },
    stepped(state: StepState) {
      step = state.step;
      if (state.batch) append({ values: stepValues(state.batch) });
    },
    async epochEnded(log, isBest, evaluation) {
      const image = isBest ? [await matrixImage(log, evaluation)] : [];
      append({ values: [...epochValues(log), ...image] });
    },
  };
}

/** TensorBoard reads files in the order of their names: each must come after those that are there. */
function newFileName(dir: string): string {
  const pattern = /^events\.out\.tfevents\.(\d{10})\./;
  const seconds = readdirSync(dir).map((name) => Number(pattern.exec(name)?.[1] ?? 0));
  const now = Math.max(Math.floor(Date.now() / 1000), ...seconds.map((second) => second + 1));
  const host = hostname().replaceAll(/[^\w-]/g, '_');
  return `events.out.tfevents.${String(now).padStart(10, '0')}.${host}.${process.pid}.0`;
}

function stepValues({ loss, learningRate }: NonNullable<StepState['batch']>): SummaryValue[] {
  return scalars({ ...withPrefix('step_loss', loss), learning_rate: learningRate });
}

function epochValues(log: EpochLog): SummaryValue[] {
  return scalars({
    epoch: log.epoch,
    ...withPrefix('loss', log.loss),
    ...withPrefix('accuracy', { ...log.accuracy, mean_class: log.meanClassAccuracy ?? undefined }),
    images_per_second: log.imagesPerSecond,
  });
}

function withPrefix(prefix: string, values: object): Record<string, number | undefined> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]),
  );
}

function scalars(values: Record<string, number | undefined>): SummaryValue[] {
  return Object.entries(values).flatMap(([tag, scalar]) =>
    scalar === undefined ? [] : [{ tag, scalar }],
  );
}

async function matrixImage(
  { epoch }: EpochLog,
  { matrix, classNames }: Evaluation,
): Promise<SummaryValue> {
  const svg = await confusionMatrixSvg({ matrix, classNames, subtitle: `epoch ${epoch}` });
  const { data, info } = await sharp(Buffer.from(svg))
    .removeAlpha()
    .png()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { tag: 'confusion_matrix', image: { width, height, png: data } };
}
