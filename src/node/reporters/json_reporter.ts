import type { TrainReporter } from '../training/train_options.js';

/**
 * Prints a training run as JSON, an object a line, each with an `event`: `start`, `step`, `epoch`, `stopped`,
 * and `note`, `warning`, `passedOver`, `skipped` where there is something to say. What is not a number is null.
 *
 * @param backend goes into `start`.
 *
 * @example
 * const events: string[] = [];
 * const reporter = jsonReporter('wasm', (line) => events.push(JSON.parse(line).event));
 * await train({ data: 'raf-db', preset: 'tiny', epochs: 1, out: 'runs/json', reporter });
 * console.log(events); // [ 'start', 'step', 'epoch' ]
 */
export function jsonReporter(
  backend: string,
  print: (line: string) => void = console.log,
): TrainReporter {
  const say = (event: string, fields: object) => print(JSON.stringify({ event, ...fields }));
  return {
    loaded: (text) => say('note', { text }),
    warned: (text) => say('warning', { text }),
    passedOver: (count) => say('passedOver', { count }),
    skipped: (files) => say('skipped', { files }),
    started: (run) => say('start', { command: 'train', backend, ...run }),
    stepped: (state) => say('step', state),
    epochEnded: (log, best) => say('epoch', { ...log, best }),
    stopped: (state) => say('stopped', state),
  };
}
