import { freemem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Preset } from '../../models/config.js';
import type { Images } from '../../training/augmentation.js';
import { type Encode, encodeImages } from '../images/encode_images.js';
import { UserError } from '../user_error.js';
import { physicalCores } from './cores.js';
import { inThreads, type ParallelModel } from './parallel_model.js';

/** What a thread takes at most: weights, gradients and activations of 8 images in training. Measured. */
const threadBytes: Record<Preset, number> = { full: 3 * 2 ** 30, tiny: 2 ** 28 };

/** A GPU is one, however many threads ask it; `cpu` is for comparison. */
function backendIsForThreads(): boolean {
  const { isUsingGpuDevice } = tf.backend() as { isUsingGpuDevice?: boolean };
  return ['wasm', 'tensorflow'].includes(tf.getBackend()) && !isUsingGpuDevice;
}

/** Encodes images, in threads or in this one. */
export interface Encoder {
  encode: Encode;
  /** How many batches it does at once. */
  threads: number;
  close(): Promise<void>;
}

export interface ThreadOptions {
  preset: Preset;
  /** How many parts there are to share: as many threads at most. */
  jobs: number;
  /** How many threads. Default: the physical cores, if there is memory for so many. */
  workers?: number;
}

/** As `openThreads`, for encoding alone. */
export async function openEncoder(model: LayersModel, options: ThreadOptions): Promise<Encoder> {
  return (await openThreads(model, options)) ?? encoderOf(model);
}

/** In this thread. */
export function encoderOf(model: LayersModel): Encoder {
  const encode = (images: Images) => encodeImages(model, images);
  return { encode, threads: 1, close: () => Promise.resolve() };
}

/**
 * Runs a model in threads, where more than one are asked for and have something to do.
 *
 * @returns undefined for one thread, this one: the default on a backend that is not for threads.
 * @throws UserError when more than one are asked for on such a backend, or when one does not start.
 */
export async function openThreads(
  model: LayersModel,
  { preset, jobs, workers }: ThreadOptions,
): Promise<ParallelModel | undefined> {
  const isForThreads = backendIsForThreads();
  if (workers !== undefined && workers > 1 && !isForThreads) {
    throw new UserError(
      'InvalidSettings',
      `--workers ${workers} is for wasm, and for tfjs-node without a GPU: leave it out`,
    );
  }
  const fitting = Math.floor(freemem() / threadBytes[preset]);
  const wanted = workers ?? (isForThreads ? Math.min(physicalCores(), fitting) : 1);
  const count = Math.min(wanted, jobs);
  return count > 1 ? inThreads(model, count) : undefined;
}
