import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { normalise } from '../training/augmentation.js';
import type { DataType } from '../training/data_types.js';
import { classReport, confusionMatrix } from '../training/metrics.js';
import { batches } from '../training/sampler.js';
import { forward } from '../training/step.js';
import { loadForInference } from './btn_files.js';
import { imageFolder } from './image_folder.js';
import { type ImageSource, imageSource, readAhead, type SkippedImage } from './image_source.js';
import type { Evaluation } from './report.js';
import { makeReportFolder, type ReportFiles, writeReport, writeSkipped } from './run_folder.js';
import { UserError } from './user_error.js';

export interface EvaluateOptions {
  /** A data set in the authors' layout; only its test split is read. */
  data: string;
  /** Default: what the checkpoint says it was trained on; of a PyTorch file, RAF-DB or AffectNet-8. */
  dataType?: DataType;
  /** A run's folder (its best model), a checkpoint's folder, a model.json, a .pth or a .safetensors. */
  checkpoint: string;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
  /** Default 32. Only speed depends on it. */
  batchSize?: number;
  /** Where to write report and confusion matrix; nowhere when absent. */
  out?: string;
  /** Fail on the first unusable file instead of leaving it out. Default false. */
  strict?: boolean;
  /** Called with the number of images done and of all. */
  onProgress?: (done: number, total: number) => void;
}

export interface EvaluateResult extends Evaluation {
  /** The file or folder that was evaluated: of a run, the best model. */
  checkpoint: string;
  /** What to know of how a PyTorch or safetensors file fitted. */
  notes: readonly string[];
  skipped: readonly SkippedImage[];
  /** Files of the data set that are no images by their names. */
  passedOver: number;
  /** Paths written, where `out` was given. */
  files?: ReportFiles;
}

/**
 * Evaluates a trained BTN on the test split of a data set, by `vit`.
 *
 * @throws UserError for a data set or checkpoint that cannot be used.
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluateResult> {
  const { data, batchSize = 32, out, strict, onProgress } = options;
  if (out !== undefined) await makeReportFolder(out);
  const { model, metadata, path, notes } = await loadForInference(options.checkpoint, {
    dataType: options.dataType,
    rename: options.rename,
  });
  try {
    const { config, classNames, dataType } = metadata;
    const { test, ignored } = await imageFolder(data, dataType, { splits: ['test'] });
    const source = imageSource(test, config.inputSize, { strict });
    const evaluation = await evaluateOn(model, source, classNames, batchSize, { onProgress });
    const { skipped } = source;
    const result = { ...evaluation!, checkpoint: path, notes, skipped, passedOver: ignored };
    if (out === undefined) return result;
    await writeSkipped(join(out, 'skipped.txt'), skipped);
    return { ...result, files: await writeReport(out, result, `${dataType}, ${data}`) };
  } finally {
    model.dispose();
  }
}

interface EvaluateProgress {
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Evaluates a model on decoded images, a batch at a time. Leaks no tensor.
 *
 * The model is run as it is: in training it changes each epoch, and a copy for inference would save
 * about a percent at such batches, for memory beside what a step needs.
 *
 * @returns undefined when `signal` aborts before all are done.
 */
export async function evaluateOn(
  model: LayersModel,
  source: ImageSource,
  classNames: readonly string[],
  batchSize: number,
  { onProgress, signal }: EvaluateProgress = {},
): Promise<Evaluation | undefined> {
  const labels: number[] = [];
  const predictions: number[] = [];
  const usable = source.usable();
  const plan = batches(usable, batchSize);
  let done = 0;
  for await (const batch of readAhead(source, plan)) {
    if (signal?.aborted) return undefined;
    if (batch.indices.length > 0) {
      labels.push(...batch.labels);
      predictions.push(...(await predictLabels(model, batch.pixels, source.size)));
    }
    done += batch.indices.length + batch.skipped.length;
    onProgress?.(done, usable.length);
  }
  const matrix = confusionMatrix(labels, predictions, classNames.length);
  return { classNames, matrix, report: classReport(matrix) };
}

async function predictLabels(
  model: LayersModel,
  pixels: Uint8Array,
  size: number,
): Promise<Int32Array> {
  const logits = await vitLogits(model, pixels, size);
  const predicted = tf.argMax(logits, 1);
  const labels = (await predicted.data()) as Int32Array;
  tf.dispose([logits, predicted]);
  return labels;
}

/**
 * Logits `[n, C]` of each image alone. `pixels` are bytes, `[n, size, size, 3]` RGB.
 *
 * @throws UserError when one is not a number: argMax would call each such image the first class.
 */
export async function vitLogits(
  model: LayersModel,
  pixels: Uint8Array,
  size: number,
): Promise<tf.Tensor2D> {
  const logits = tf.tidy(() => {
    const shape: [number, number, number, number] = [
      pixels.length / (size * size * 3),
      size,
      size,
      3,
    ];
    return forward(model, tf.tensor4d(normalise({ pixels, size }), shape)).vit;
  });
  const wrong = (await logits.data()).find((value) => !Number.isFinite(value));
  if (wrong === undefined) return logits;
  logits.dispose();
  throw new UserError(
    `the network's output is ${wrong}: its weights are ruined, as by too large a --lr`,
  );
}
