import type { TrainReporter } from '../training/train_options.js';

/**
 * Tells several reporters, in their order.
 *
 * @example
 * const lines: string[] = [];
 * const print = (line: string) => lines.push(line);
 * const reporter = allReporters(progressReporter(print), jsonReporter('wasm', print));
 * reporter.skipped?.([{ path: 'face.jpg', reason: 'the file is empty (0 bytes)' }]); // as train does
 * console.log(lines.join('\n'));
 * // skipped 1 unusable file:
 * //   face.jpg: the file is empty (0 bytes)
 * // {"event":"skipped","files":[{"path":"face.jpg","reason":"the file is empty (0 bytes)"}]}
 */
export function allReporters(...reporters: readonly TrainReporter[]): TrainReporter {
  const tell = (call: (reporter: TrainReporter) => void) => {
    for (const reporter of reporters) call(reporter);
  };
  return {
    loaded: (note) => tell((each) => each.loaded?.(note)),
    warned: (warning) => tell((each) => each.warned?.(warning)),
    started: (run) => tell((each) => each.started?.(run)),
    decoded: (split, done, total) => tell((each) => each.decoded?.(split, done, total)),
    passedOver: (count) => tell((each) => each.passedOver?.(count)),
    skipped: (files) => tell((each) => each.skipped?.(files)),
    stepped: (state) => tell((each) => each.stepped?.(state)),
    evaluated: (done, total) => tell((each) => each.evaluated?.(done, total)),
    async epochEnded(log, isBest, evaluation) {
      for (const each of reporters) await each.epochEnded?.(log, isBest, evaluation);
    },
    stopped: (state) => tell((each) => each.stopped?.(state)),
  };
}
