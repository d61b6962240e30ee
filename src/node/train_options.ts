import type { SkippedImage } from './image_source.js';
import type { EpochLog } from './run_folder.js';
import type { TrainSettings } from './train_settings.js';

export interface TrainOptions extends Partial<TrainSettings> {
  /**
   * The run's folder. Default: that of the run that goes on; for a new one, in `runs/` a name made of
   * data type, preset and time.
   */
  out?: string;
  /**
   * A run's or a checkpoint's folder to continue; its settings hold unless given anew. Weights alone
   * (a model.json, a .pth, a .safetensors) begin a new run with these weights.
   */
  resume?: string;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
  /** Seconds between checkpoints in the middle of an epoch. Default 600. */
  checkpointSeconds?: number;
  /** Stop after so many steps. Default: none. */
  maxSteps?: number;
  /** Fail on the first unusable image instead of leaving it out. Default false. */
  strict?: boolean;
  /** Stops after the step under way, with a checkpoint. */
  signal?: AbortSignal;
  reporter?: TrainReporter;
}

/** What happens during training, for a progress display. All are optional. */
export interface TrainReporter {
  /** A line on a file that weights were read from. */
  loaded?(note: string): void;
  /** Before the first step; `epoch` counts from 1. */
  started?(run: RunStart): void;
  /** Images decoded ahead, of a split that fits into memory. */
  decoded?(split: 'train' | 'test', done: number, total: number): void;
  /** Files of the data set that are no images by their names. */
  passedOver?(count: number): void;
  /** Files left out. */
  skipped?(files: readonly SkippedImage[]): void;
  /** After each step. `done` and `total` count the epoch's images; the rest are means so far. */
  stepped?(state: StepState): void;
  /** Test images evaluated. */
  evaluated?(done: number, total: number): void;
  epochEnded?(log: EpochLog, isBest: boolean): void;
  /** In the middle of an epoch, after its checkpoint. */
  stopped?(state: StepState): void;
}

export interface RunStart {
  settings: TrainSettings;
  /** Usable images. */
  train: number;
  test: number;
  /** The epoch under way, from 1 on, and how many of its images are done: more than 0 when resuming. */
  epoch: number;
  position: number;
}

export interface StepState {
  epoch: number;
  done: number;
  total: number;
  loss: EpochLog['loss'];
  accuracy: number;
  imagesPerSecond: number;
}
