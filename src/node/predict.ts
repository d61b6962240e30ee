import * as tf from '@tensorflow/tfjs-core';
import { metadataOf } from './btn_files.js';
import { checkpointFolder } from './checkpoint.js';
import { DecodeError, decodeImage } from './decode_image.js';
import { vitLogits } from './evaluate.js';
import { loadModelFiles } from './model_files.js';

export interface Prediction {
  path: string;
  label: string;
  /** Of every class by name; they sum to 1. */
  probabilities: Record<string, number>;
}

export interface PredictOptions {
  /** A run's folder, whose best model is taken, a checkpoint's folder or a model.json. */
  checkpoint: string;
  images: readonly string[];
  /** Fail on the first unusable file instead of leaving it out. Default false. */
  strict?: boolean;
  /** Called with the number of images done and of all. */
  onProgress?: (done: number, total: number) => void;
}

export interface PredictResult {
  predictions: Prediction[];
  skipped: { path: string; reason: string }[];
}

/**
 * Predicts the expression of each image on its own, by `vit`.
 *
 * @throws UserError for a checkpoint that cannot be used; DecodeError in strict mode.
 */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const dir = await checkpointFolder(options.checkpoint, 'best');
  const model = await loadModelFiles(dir);
  try {
    const { config, classNames } = metadataOf(model, dir);
    const result: PredictResult = { predictions: [], skipped: [] };
    for (const [i, path] of options.images.entries()) {
      try {
        const pixels = await decodeImage(path, config.inputSize);
        const logits = await vitLogits(model, pixels, config.inputSize);
        const softmax = tf.softmax(logits);
        const probabilities = await softmax.data();
        tf.dispose([logits, softmax]);
        result.predictions.push(prediction(path, probabilities, classNames));
      } catch (error) {
        if (options.strict || !(error instanceof DecodeError)) throw error;
        result.skipped.push({ path, reason: error.reason });
      }
      options.onProgress?.(i + 1, options.images.length);
    }
    return result;
  } finally {
    model.dispose();
  }
}

function prediction(
  path: string,
  values: ArrayLike<number>,
  classNames: readonly string[],
): Prediction {
  const probabilities = Object.fromEntries(classNames.map((name, i) => [name, values[i]!]));
  const label = classNames.reduce((best, name) =>
    probabilities[name]! > probabilities[best]! ? name : best,
  );
  return { path, label, probabilities };
}
