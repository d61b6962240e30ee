import { predictedClasses } from '../../training/metrics.js';
import { batches } from '../../training/sampler.js';
import {
  type Encodings,
  encodedProbabilities,
  joinEncodings,
  type SeenImages,
} from '../images/encode_images.js';
import type { ImageSource } from '../images/image_source.js';
import { inOrder } from '../images/in_order.js';
import type { Evaluation } from '../report/report.js';
import type { Encoder } from '../threads/open_threads.js';
import { evaluationOf } from './judge_images.js';

interface EvaluateProgress {
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Evaluates a model on decoded images by `vit`, as many batches at once as there are threads. Leaks no
 * tensor.
 *
 * @returns what was seen too; undefined when `signal` aborts before all are done.
 */
export async function evaluateOn(
  { encode, threads }: Pick<Encoder, 'encode' | 'threads'>,
  source: ImageSource,
  classNames: readonly string[],
  batchSize: number,
  { onProgress, signal }: EvaluateProgress = {},
): Promise<{ evaluation: Evaluation; seen: SeenImages } | undefined> {
  const [indices, labels, predictions]: [number[], number[], number[]] = [[], [], []];
  const encoded: Encodings[] = [];
  const usable = source.usable();
  const plan = batches(usable, batchSize);
  const run = async (i: number) => {
    const batch = await source.read(plan[i]!);
    const { indices, pixels } = batch;
    const isEmpty = indices.length === 0 || signal?.aborted;
    return {
      ...batch,
      encodings: isEmpty ? undefined : await encode({ pixels, size: source.size }),
    };
  };
  let done = 0;
  for await (const batch of inOrder(plan.length, threads, run)) {
    if (signal?.aborted) return undefined;
    if (batch.encodings) {
      indices.push(...batch.indices);
      labels.push(...batch.labels);
      predictions.push(
        ...predictedClasses(encodedProbabilities(batch.encodings), classNames.length),
      );
      encoded.push(batch.encodings);
    }
    done += batch.indices.length + batch.skipped.length;
    onProgress?.(done, usable.length);
  }
  const seen = { indices, labels, views: [joinEncodings(encoded)] };
  return { evaluation: evaluationOf(labels, predictions, classNames), seen };
}
