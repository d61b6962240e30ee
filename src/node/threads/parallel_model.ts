import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { meetAllAttributes } from '../../kernels/tensorflow/attribute_names.js';
import type { Images } from '../../training/augmentation.js';
import type { BatchGradients } from '../../training/step.js';
import type { BackendName } from '../backend.js';
import type { Encodings } from '../images/encode_images.js';
import { parallelGradients } from './parallel_gradients.js';
import { sharedArrays } from './shared.js';
import { startWorkers } from './workers.js';

/** A model with copies in threads, each on a backend of its own. */
export interface ParallelModel {
  readonly threads: number;
  /** See `parallelGradients`. */
  gradients: BatchGradients;
  /**
   * As `encodeImages`, on one thread: begin with as many batches as there are threads to use them all.
   *
   * @throws UserError when a thread dies.
   */
  encode(images: Images): Promise<Encodings>;
  /** To be called when the model's weights have changed, before `encode`. */
  weightsChanged(): void;
  /** Ends all threads at once. */
  close(): Promise<void>;
}

/**
 * Starts threads with copies of a model, each on a backend of its own of the kind in use.
 *
 * @param model Stays the caller's; its weights are those that the threads compute with.
 * @throws UserError when a thread does not start.
 */
export async function inThreads(model: LayersModel, threads: number): Promise<ParallelModel> {
  const weights = sharedArrays(
    model.weights.map(({ shape }) => tf.util.sizeFromShape(shape as number[])),
  );
  share();
  const topology = model.toJSON(null, false) as object;
  const backend = tf.getBackend() as BackendName;
  if (backend === 'tensorflow') meetAllAttributes();
  const workers = await startWorkers({ threads, backend, topology, weights });
  const stale = new Set<number>();
  let isShared = true;
  const idle = Array.from({ length: threads }, (_, thread) => thread);
  const queue: ((thread: number) => void)[] = [];

  /** Writes the weights where the threads read them. */
  function share(): void {
    for (const [i, weight] of model.weights.entries()) weights[i]!.set(weight.read().dataSync());
  }

  function weightsChanged(): void {
    isShared = false;
    for (let thread = 0; thread < threads; thread++) stale.add(thread);
  }

  async function encode(images: Images): Promise<Encodings> {
    if (!isShared) share();
    isShared = true;
    const thread = idle.pop() ?? (await new Promise<number>((resolve) => queue.push(resolve)));
    try {
      workers.send(thread, { kind: 'encode', images, refresh: stale.delete(thread) });
      return (await workers.answer(thread, 'encodings')).encodings;
    } finally {
      const next = queue.shift();
      if (next) next(thread);
      else idle.push(thread);
    }
  }

  return {
    threads,
    gradients: async (job) => {
      share();
      weightsChanged();
      return parallelGradients(workers, job);
    },
    encode,
    weightsChanged,
    close: () => workers.close(),
  };
}
