import * as tf from '@tensorflow/tfjs-core';
import type { DataType } from '../training/data_types.js';
import { loadForInference } from './btn_files.js';
import { DecodeError, decodeImage } from './decode_image.js';
import { vitLogits } from './evaluate.js';

export interface Prediction {
  path: string;
  label: string;
  /** Of every class by name; they sum to 1. */
  probabilities: Record<string, number>;
}

export interface PredictOptions {
  /** A run's folder (its best model), a checkpoint's folder, a model.json, a .pth or a .safetensors. */
  checkpoint: string;
  /** What it was trained on, by which classes are named. Default: what the checkpoint says, or RAF-DB. */
  dataType?: DataType;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
  images: readonly string[];
  /** Fail on the first unusable file instead of leaving it out. Default false. */
  strict?: boolean;
  /** Called with the number of images done and of all. */
  onProgress?: (done: number, total: number) => void;
}

export interface PredictResult {
  predictions: Prediction[];
  skipped: { path: string; reason: string }[];
  /** What to know of how a PyTorch or safetensors file fitted. */
  notes: readonly string[];
}

/**
 * Predicts the expression of each image on its own, by `vit`.
 *
 * @throws UserError for a checkpoint that cannot be used; DecodeError in strict mode.
 */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const { model, metadata, notes } = await loadForInference(options.checkpoint, options);
  try {
    const { config, classNames } = metadata;
    const result: PredictResult = { predictions: [], skipped: [], notes };
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
