/** What a training run is, while it runs and in its checkpoints. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { BtnLossOptions } from '../../training/loss.js';
import type { Optimizer } from '../../training/optimizer.js';
import type { LabelledImage } from '../images/image_folder.js';
import type { ImageSource } from '../images/image_source.js';
import type { Evaluation } from '../report/report.js';
import type { ReportedEpoch } from '../report/run_report.js';
import type { ParallelModel } from '../threads/parallel_model.js';
import type { EpochLog, RunFolder } from './run_folder.js';
import type { TrainSettings } from './train_settings.js';

/** The epoch whose model is kept as the best. */
export interface BestEpoch {
  /** Counted from 1. */
  epoch: number;
  /** On the images that chose it: those held out of training, else the test split. */
  evaluation: Evaluation;
}

/** Sums over the images of the epoch under way. */
export interface Sums {
  images: number;
  right: number;
  seconds: number;
  total: number;
  vit: number;
  bt?: number;
  cba?: number;
}

/**
 * Where a run stands: saved with each checkpoint.
 *
 * With the weights (which hold the running averages of batch normalisation) and the optimizer's state
 * it is all that a run is made of. There is no state of a random generator or a sampler: the order of
 * an epoch, augmentation, random masks and held-out images are functions of seed, epoch and position;
 * the learning rate is one of settings, epoch and position.
 */
export interface Progress {
  settings: TrainSettings;
  /** The epoch under way, from 0 on. */
  epoch: number;
  /** How many images of the epoch's order are done. */
  position: number;
  /** Of the files that it is the order of. */
  dataFingerprint: string;
  sums: Sums;
  log: EpochLog[];
  best?: BestEpoch;
  /** The best epoch's model on the test split, where held-out images chose it: at the end of a run. */
  test?: BestEpoch;
}

export interface Run {
  model: LayersModel;
  /** The model in threads, where there is more than one. */
  parallel?: ParallelModel;
  optimizer: Optimizer;
  progress: Progress;
  folder: RunFolder;
  train: ImageSource;
  /** Held out of training, where the settings ask for it. */
  validation?: ImageSource;
  test: ImageSource;
  /** How the loss is computed. */
  loss: BtnLossOptions;
  /** Training files in the order of `train`. */
  files: readonly LabelledImage[];
  /** Whether the folder is one that this run made and nothing was trained before. */
  isNew: boolean;
  /** What the report shows of the best epoch; absent while that is one of before the run went on. */
  reported?: ReportedEpoch;
}

export const noSums: Sums = { images: 0, right: 0, seconds: 0, total: 0, vit: 0 };
