import { ArgumentError } from '../ops/errors.js';

/**
 * Every `ScheduleKind`.
 *
 * @example
 * console.log(scheduleKinds.join(', ')); // exponential, cosine, step, constant
 */
export const scheduleKinds = ['exponential', 'cosine', 'step', 'constant'] as const;

/** How the learning rate falls, by its name in `--schedule`. */
export type ScheduleKind = (typeof scheduleKinds)[number];

/** What the learning rate of each step follows from. */
export interface ScheduleSettings {
  /** After the warm-up. */
  learningRate: number;
  /** How it goes on from there. */
  schedule: ScheduleKind;
  /** Factor from epoch to epoch (`exponential`, default 0.98), or at each step (`step`, default 0.1). */
  decay?: number;
  /** Epochs between two steps of `step`. Default 30. */
  decayEpochs?: number;
  /** Length of the warm-up, from 0 on; a part of an epoch counts too. */
  warmupEpochs: number;
  /** Of the whole run: where `cosine` ends. */
  epochs: number;
}

/**
 * The learning rate of a step. During the warm-up it grows linearly, step by step: the first of n steps
 * has 1/n of it. From there on, the schedule changes it once an epoch, as PyTorch's schedulers do; its
 * epochs count from the end of the warm-up.
 *
 * @param epoch From 0 on.
 * @param step Of the epoch, from 0 on.
 * @param steps How many an epoch has.
 * @throws ArgumentError for a schedule that is none of `scheduleKinds`.
 *
 * @example
 * const settings = { learningRate: 1, schedule: 'cosine', warmupEpochs: 1, epochs: 11 } as const;
 * const warmup = [0, 1, 2, 3].map((step) => learningRateAt(settings, 0, step, 4)); // 4 steps an epoch
 * console.log(warmup); // [ 0.25, 0.5, 0.75, 1 ]
 * console.log(learningRateAt(settings, 6, 0, 4).toFixed(2)); // 0.50
 *
 * Provenance: exponential without warm-up is baseline (POSTER V2's recipe, 0.98 an epoch); the others
 * are options. Warm-up: Goyal et al., arXiv 1706.02677; cosine: Loshchilov and Hutter, arXiv
 * 1608.03983.
 */
export function learningRateAt(
  settings: ScheduleSettings,
  epoch: number,
  step: number,
  steps: number,
): number {
  const { learningRate, warmupEpochs } = settings;
  const warmup = Math.round(warmupEpochs * steps);
  const done = epoch * steps + step;
  if (done < warmup) return (learningRate * (done + 1)) / warmup;
  return learningRate * factorAt(settings, Math.floor((done - warmup) / steps));
}

/** @param epoch Since the warm-up. */
function factorAt(
  { schedule, decay, decayEpochs = 30, warmupEpochs, epochs }: ScheduleSettings,
  epoch: number,
): number {
  if (schedule === 'exponential') return exponentialDecay(1, epoch, decay);
  if (schedule === 'step') return (decay ?? 0.1) ** Math.floor(epoch / decayEpochs);
  if (schedule === 'cosine') return (1 + Math.cos((Math.PI * epoch) / (epochs - warmupEpochs))) / 2;
  if (schedule === 'constant') return 1;
  throw new ArgumentError(`schedule is ${schedule}: expected one of ${scheduleKinds.join(', ')}`);
}

/**
 * Exponential decay by epoch: `initial · gamma^epoch`.
 *
 * @param initial Learning rate of epoch 0.
 * @param epoch From 0 on.
 * @param gamma Default 0.98. Provenance: baseline (POSTER V2's recipe).
 *
 * @example
 * console.log(exponentialDecay(1, 2, 0.5)); // 0.25
 */
export function exponentialDecay(initial: number, epoch: number, gamma = 0.98): number {
  return initial * gamma ** epoch;
}
