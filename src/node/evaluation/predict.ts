import type { DataType } from '../../training/data_types.js';
import { DecodeError, decodeImage } from '../images/decode_image.js';
import { vitProbabilities } from '../images/encode_images.js';
import { inOrder } from '../images/in_order.js';
import { loadForInference } from '../models/btn_files.js';
import { type Encoder, openEncoder } from '../threads/open_threads.js';

/** What one image shows. */
export interface Prediction {
  /** The image file. */
  path: string;
  /** Name of the most probable class. */
  label: string;
  /** Of every class by name; they sum to 1. */
  probabilities: Record<string, number>;
}

/** What `predict` runs on what. */
export interface PredictOptions {
  /** A run's folder (its best model), a checkpoint's folder, a model.json, a .pth or a .safetensors. */
  checkpoint: string;
  /** What it was trained on, by which classes are named. Default: what the checkpoint says, or RAF-DB. */
  dataType?: DataType;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
  /** Paths of image files. */
  images: readonly string[];
  /** Average the probabilities of each image and its mirror image. Default false. */
  flipAverage?: boolean;
  /** Threads that run the network: on wasm, one per physical core by default, if memory allows. */
  workers?: number;
  /** Fail on the first unusable file instead of leaving it out. Default false. */
  strict?: boolean;
  /** Called with the number of images done and of all. */
  onProgress?: (done: number, total: number) => void;
}

/** What `predict` found. */
export interface PredictResult {
  /** Of the usable images, in their order. */
  predictions: Prediction[];
  /** Files that could not be used, and why. */
  skipped: { path: string; reason: string }[];
  /** What to know of how a PyTorch or safetensors file fitted. */
  notes: readonly string[];
}

/** Fewer would take less time than a thread takes to start. */
const imagesPerThread = 8;

/**
 * Predicts the expression of each image on its own, by `vit`.
 *
 * @throws UserError for a checkpoint that cannot be used; DecodeError in strict mode.
 *
 * @example
 * const images = ['raf-db/test/4/test_0.png', 'missing.png'];
 * const { predictions, skipped } = await predict({ checkpoint: 'runs/tiny', images });
 * const [{ path, label, probabilities }] = predictions;
 * console.log(path, probabilities[label] > 1 / 7); // raf-db/test/4/test_0.png true
 * console.log(skipped[0].reason); // cannot be read: no such file or folder
 */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const { dataType, rename } = options;
  const wanted = { dataType, rename, vitOnly: true };
  const { model, metadata, notes } = await loadForInference(options.checkpoint, wanted);
  try {
    const { preset, config, classNames } = metadata;
    const { images, workers } = options;
    const jobs = Math.ceil(images.length / imagesPerThread);
    const encoder = await openEncoder(model, { preset, jobs, workers });
    try {
      const result = await predictAll(encoder, config.inputSize, classNames, options);
      return { ...result, notes };
    } finally {
      await encoder.close();
    }
  } finally {
    model.dispose();
  }
}

async function predictAll(
  { encode, threads }: Encoder,
  size: number,
  classNames: readonly string[],
  { images, flipAverage, strict, onProgress }: PredictOptions,
): Promise<Omit<PredictResult, 'notes'>> {
  const run = async (i: number): Promise<Prediction | DecodeError> => {
    const path = images[i]!;
    try {
      const pixels = await decodeImage(path, size);
      const probabilities = await vitProbabilities(encode, { pixels, size }, flipAverage);
      return prediction(path, probabilities, classNames);
    } catch (error) {
      if (strict || !(error instanceof DecodeError)) throw error;
      return error;
    }
  };
  const predictions: Prediction[] = [];
  const skipped: { path: string; reason: string }[] = [];
  let done = 0;
  for await (const result of inOrder(images.length, threads, run)) {
    if (result instanceof DecodeError) skipped.push({ path: result.path, reason: result.reason });
    else predictions.push(result);
    onProgress?.(++done, images.length);
  }
  return { predictions, skipped };
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
