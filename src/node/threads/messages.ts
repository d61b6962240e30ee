/** What the pool and its threads say to each other. Floats lie in memory that they share. */

import type { Images } from '../../training/augmentation.js';
import type { BackendName } from '../backend.js';
import type { Encodings } from '../images/encode_images.js';

/** Given to a thread at its start. */
export interface ThreadStart {
  /** Which of the threads it is, from 0 on. */
  index: number;
  threads: number;
  backend: BackendName;
  /** Of the model, as its `toJSON` gives it. */
  topology: object;
  /** Of the model's weights, in order. */
  weights: Float32Array[];
}

/** The gradients of one batch, for all threads together. */
export interface GradientShare {
  kind: 'gradients';
  /** `[B, H, W, 3]` */
  images: Float32Array;
  imageShape: [number, number, number, number];
  microBatch: number;
  /** Of random masks. */
  seed: number;
  /** Of each tensor between the halves of the model, `[B, ...]`: written by the threads. */
  encodings: Float32Array[];
  /** The gradients of the loss by these: written by the pool. */
  cotangents: Float32Array[];
  /** By each trainable weight: sums over the parts. */
  gradients: Float32Array[];
  /** Where each part of the batch left the weights that do not train, all in a row; NaN for unmoved. */
  statistics: Float32Array[];
  /** `counters` below. */
  control: Int32Array;
}

/** Places in `control`. */
export const counters = {
  /** The next part to encode. */
  encode: 0,
  /** The next part to carry gradients through, counted from the last. */
  carry: 1,
  /** How many parts have added their gradients. */
  turn: 2,
  /** 1 when cotangents are there. */
  ready: 3,
  /** How many there are. */
  size: 4,
} as const;

/** What the model makes of images one by one, by one thread. */
export interface EncodingJob {
  kind: 'encode';
  images: Images;
  /** Whether weights have changed since the last job. */
  refresh: boolean;
}

export type Job = GradientShare | EncodingJob;

export type Answer =
  | { kind: 'ready' }
  | { kind: 'encoded' }
  /** `reached`: to which trainable weights this thread carried a gradient; empty where it had no part. */
  | { kind: 'done'; reached: boolean[] }
  | { kind: 'encodings'; encodings: Encodings }
  | { kind: 'failed'; message: string };
