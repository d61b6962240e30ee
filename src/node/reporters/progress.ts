import cliProgress from 'cli-progress';
import { classNamesOf } from '../../training/data_types.js';
import { count, percent, plural } from '../format.js';
import type { SkippedImage } from '../images/image_source.js';
import { recipeText } from '../training/recipe_text.js';
import type { EpochLog } from '../training/run_folder.js';
import type { RunStart, StepState, TrainReporter } from '../training/train_options.js';
import type { TrainSettings } from '../training/train_settings.js';

/** How many skipped files are named before the rest is only counted. */
const namedFiles = 5;

/** Seconds between two lines on the epoch under way, where there is no terminal for a bar. */
const secondsBetweenLines = 60;

/**
 * Shows a training run in the terminal: a bar with time left, images per second, losses and accuracy,
 * and a line that stays for each epoch. Without a terminal, only the lines, and one a minute in between.
 *
 * @example
 * const lines: string[] = [];
 * const reporter = progressReporter((line) => lines.push(line)); // console.log by default
 * await train({ data: 'raf-db', preset: 'tiny', epochs: 1, out: 'runs/lines', reporter });
 * console.log(lines[0]);
 * // training tiny BTN-7 on 7 images, testing on 7
 * // lr 0.001, batch 16, 1 epoch, seed 1
 * // adam, rate × 0.8 an epoch; flip 0.5
 */
export function progressReporter(print: (line: string) => void = console.log): TrainReporter {
  const bar = progressBar();
  let settings: TrainSettings | undefined;
  let printed = performance.now();
  const printLine = (line: string) => {
    bar.clear();
    print(line);
    printed = performance.now();
  };
  const printNowAndThen = (line: string) => {
    if (!bar.isShown() && performance.now() - printed >= 1000 * secondsBetweenLines)
      printLine(line);
  };
  return {
    decoded: (split, done, total) => bar.show(`decoding ${split}`, done, total, ''),
    loaded: printLine,
    warned: printLine,
    passedOver: (count) => printLine(passedOverText(count)),
    skipped: (files) => printLine(skippedText(files)),
    started(run) {
      settings = run.settings;
      printLine(startText(run));
    },
    stepped(state) {
      const { epoch, done, total } = state;
      const task = `epoch ${epoch}/${settings!.epochs}`;
      const text = stepText(state, settings!.epochs);
      bar.show(task, done, total, text);
      printNowAndThen(`${task}  ${count(done)} of ${count(total)} images, ${text}`);
    },
    evaluated(done, total) {
      bar.show('evaluating', done, total, '');
      printNowAndThen(`evaluating  ${count(done)} of ${count(total)} images`);
    },
    epochEnded: (log, isBest) => printLine(epochText(log, settings!.epochs, isBest)),
    stopped(state) {
      const { epoch, done, total, accuracy } = state;
      const where = `stopped in epoch ${epoch}/${settings!.epochs} after ${done} of ${total} images`;
      const untrained = Number.isNaN(accuracy);
      printLine(untrained ? where : `${where}: ${stepText(state, settings!.epochs)}`);
    },
  };
}

/** A bar that appears only in a terminal, and leaves nothing behind. */
export function progressBar() {
  const bar = new cliProgress.SingleBar({
    format: '{task} {bar} {value}/{total} {text}',
    barsize: 20,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
    stopOnComplete: false,
    hideCursor: true,
    linewrap: false,
  });
  let task: string | undefined;
  return {
    /** Whether there is a terminal for it. */
    isShown: () => process.stderr.isTTY === true,
    show(name: string, done: number, total: number, text: string) {
      if (!process.stderr.isTTY) return;
      if (task === undefined) bar.start(total, done, { task: name, text });
      if (task !== name) bar.setTotal(total);
      task = name;
      bar.update(done, { task: name, text });
    },
    clear() {
      if (task !== undefined) bar.stop();
      task = undefined;
    },
  };
}

/** Files of a data set that are no images by their names. */
export function passedOverText(passed: number): string {
  return `passed over ${count(passed)} ${plural(passed, 'file')} without the extension of an image`;
}

/** Files that were left out, by name, on a few lines or on as many as there are files. */
export function skippedText(files: readonly SkippedImage[], lines = namedFiles): string {
  const named = files.slice(0, lines).map(({ path, reason }) => `  ${path}: ${reason}`);
  const more = files.length - named.length;
  return [
    `skipped ${count(files.length)} unusable ${plural(files.length, 'file')}:`,
    ...named,
    ...(more > 0 ? [`  and ${count(more)} more`] : []),
  ].join('\n');
}

/** Seconds as people say them: `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

function startText(run: RunStart): string {
  const { preset, dataType, learningRate, batchSize, epochs, seed } = run.settings;
  if (run.epoch > epochs) {
    return `all ${epochs} epochs are done: to go on, ask for more --epochs`;
  }
  const name = run.settings.batchTransformer ? 'BTN' : 'POSTER V2';
  const network = `${preset} ${name}-${classNamesOf(dataType).length}`;
  const resumed = run.epoch > 1 || run.position > 0;
  const where = `epoch ${run.epoch}${run.position > 0 ? `, after ${count(run.position)} images` : ''}`;
  const threads = run.threads > 1 ? ` in ${run.threads} threads` : '';
  return [
    `${resumed ? `resuming ${network} at ${where},` : `training ${network}`} on ` +
      `${count(run.train)} images, ${evaluationText(run)}${threads}`,
    `lr ${learningRate}, batch ${batchSize}, ${epochs} ${plural(epochs, 'epoch')}, seed ${seed}`,
    recipeText(run.settings),
  ].join('\n');
}

/** What the best epoch is chosen on, and what is tested on. */
function evaluationText({ validation, test }: RunStart): string {
  if (validation === 0) return `testing on ${count(test)}`;
  return `validating on ${count(validation)} held out of train/, testing on ${count(test)} at the end`;
}

function stepText(
  { epoch, done, total, loss, accuracy, imagesPerSecond }: StepState,
  epochs: number,
) {
  const left = (total - done + (epochs - epoch) * total) / imagesPerSecond;
  // What a narrow terminal cuts off comes last.
  return `${duration(left)} left, ${rateText(imagesPerSecond)}, acc ${percent(accuracy, 1)}, ${lossText(loss)}`;
}

/** Below one image a second, seconds an image say more. */
function rateText(imagesPerSecond: number): string {
  if (imagesPerSecond < 1) return `${(1 / imagesPerSecond).toFixed(2)} s/img`;
  return `${imagesPerSecond.toFixed(1)} img/s`;
}

function lossText({ total, vit, bt, cba }: EpochLog['loss']): string {
  const parts = Object.entries({ vit, bt, cba }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${value.toFixed(3)}`],
  );
  return `loss ${total.toFixed(3)} (${parts.join(', ')})`;
}

function epochText(log: EpochLog, epochs: number, isBest: boolean): string {
  const { train = null, validation, test = null } = log.accuracy;
  const chooser =
    validation === undefined ? `test ${percent(test, 1)}` : `validation ${percent(validation, 1)}`;
  return (
    `epoch ${String(log.epoch).padStart(String(epochs).length)}/${epochs}  ${lossText(log.loss)}  ` +
    `train ${percent(train, 1)}  ${chooser}  ` +
    `(${rateText(log.imagesPerSecond)}, ${duration(log.seconds)})${isBest ? '  best' : ''}`
  );
}
