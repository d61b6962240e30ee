import type { SkippedImage } from '../images/image_source.js';
import type { Evaluation } from '../report/report.js';
import type { EpochLog } from './run_folder.js';
import type { GivenSettings, TrainSettings } from './train_settings.js';

/** What `train` does; settings that are absent are those of the recipe. */
export interface TrainOptions extends GivenSettings {
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
  /**
   * A run's `config.json` or folder, whose settings a new run takes over unless given anew. The weights that
   * it began with are loaded again from their files.
   */
  config?: string;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
  /** Seconds between checkpoints in the middle of an epoch. Default 600. */
  checkpointSeconds?: number;
  /**
   * Threads that run the network: on wasm, one per physical core by default, if memory allows. They share
   * a step by micro-batches. The result does not depend on how many they are.
   */
  workers?: number;
  /** Stop after so many steps. Default: none. */
  maxSteps?: number;
  /** Fail on the first unusable image instead of leaving it out. Default false. */
  strict?: boolean;
  /** Stops after the step under way, with a checkpoint. */
  signal?: AbortSignal;
  /** Told what happens. Default: nobody. */
  reporter?: TrainReporter;
}

/**
 * What happens during training, for a progress display. All are optional.
 *
 * @example
 * const reporter: TrainReporter = {
 *   epochEnded: ({ epoch }, isBest) => console.log(`epoch ${epoch}`, isBest), // epoch 1 true
 * };
 * await train({ data: 'raf-db', preset: 'tiny', epochs: 1, out: 'runs/reported', reporter });
 */
export interface TrainReporter {
  /** A line on a file that weights were read from. */
  loaded?(note: string): void;
  /** A line on what is wrong but does not stop the run: a damaged checkpoint, equal images. */
  warned?(warning: string): void;
  /** Before the first step; `epoch` counts from 1. */
  started?(run: RunStart): void;
  /** Images decoded ahead, of a split that fits into memory. */
  decoded?(split: 'train' | 'validation' | 'test', done: number, total: number): void;
  /** Files of the data set that are no images by their names. */
  passedOver?(count: number): void;
  /** Files left out. */
  skipped?(files: readonly SkippedImage[]): void;
  /** After each step. `done` and `total` count the epoch's images; the rest are means so far. */
  stepped?(state: StepState): void;
  /** Images evaluated after an epoch, and at the end. */
  evaluated?(done: number, total: number): void;
  /** After an epoch, with what was evaluated; waited for. */
  epochEnded?(log: EpochLog, isBest: boolean, evaluation: Evaluation): void | Promise<void>;
  /** In the middle of an epoch, after its checkpoint. */
  stopped?(state: StepState): void;
}

/** What a reporter is told when training begins. */
export interface RunStart {
  /** That run the network. */
  threads: number;
  /** All of the run's settings. */
  settings: TrainSettings;
  /** Usable images. */
  train: number;
  /** Held out of training; 0 where the test split chooses the best epoch. */
  validation: number;
  /** Usable images of the test split. */
  test: number;
  /** The epoch under way, from 1 on. */
  epoch: number;
  /** How many images of that epoch are done: more than 0 where a run goes on in the middle of one. */
  position: number;
  /** Steps taken so far, in all epochs. */
  step: number;
}

/** What a reporter is told after each step. */
export interface StepState {
  /** Steps taken so far, in all epochs. */
  step: number;
  /** The epoch under way, from 1 on. */
  epoch: number;
  /** Images of the epoch that are done. */
  done: number;
  /** Images of the epoch. */
  total: number;
  /** Means over the epoch's images so far. */
  loss: EpochLog['loss'];
  /** Of `vit` on the epoch's images so far, 0…1; NaN before the first. */
  accuracy: number;
  /** Of the epoch so far. */
  imagesPerSecond: number;
  /** Of the step's batch alone; absent where none of its images could be used. */
  batch?: { loss: EpochLog['loss']; learningRate: number };
}
