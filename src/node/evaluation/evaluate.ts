import { join } from 'node:path';
import type { Images } from '../../training/augmentation.js';
import {
  type Corruption,
  corrupt,
  corruptionNames,
  type Severity,
  severities,
} from '../../training/corruption.js';
import type { DataType } from '../../training/data_types.js';
import { predictedClasses } from '../../training/metrics.js';
import { batches } from '../../training/sampler.js';
import {
  type Encode,
  type Encodings,
  joinEncodings,
  type SeenImages,
  viewsOf,
  vitProbabilities,
} from '../images/encode_images.js';
import { imageFolder } from '../images/image_folder.js';
import { type ImageSource, imageSource } from '../images/image_source.js';
import { inOrder } from '../images/in_order.js';
import { type BtnMetadata, loadForInference } from '../models/btn_files.js';
import { type CorruptionStep, corruptionSheet } from '../report/corruption_sheet.js';
import type { FullEvaluation } from '../report/report.js';
import { reportImages } from '../report/report_images.js';
import { type Encoder, openEncoder } from '../threads/open_threads.js';
import { makeReportFolder, writeSkipped } from '../training/run_folder.js';
import { UserError } from '../user_error.js';
import { networkText, versionsText } from '../versions.js';
import { evaluationOf, evaluationSeed, judgeImages } from './judge_images.js';
import { type EvaluationFiles, writeEvaluation } from './write_evaluation.js';

/** What `evaluate` runs on what. */
export interface EvaluateOptions {
  /** A data set in the authors' layout; only its test split is read. */
  data: string;
  /** Default: what the checkpoint says it was trained on; of a PyTorch file, RAF-DB or AffectNet-8. */
  dataType?: DataType;
  /** A run's folder (its best model), a checkpoint's folder, a model.json, a .pth or a .safetensors. */
  checkpoint: string;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
  /** Default 32. `bt` and `cba` depend on it; of `vit`, only speed. */
  batchSize?: number;
  /** Leave out `bt` and `cba`, which depend on which images share a batch. Default false. */
  vitOnly?: boolean;
  /** Average the probabilities of each image and its mirror image. Default false. */
  flipAverage?: boolean;
  /** Also evaluate corrupted images: what to do to them. Default: nothing. */
  corruptions?: readonly Corruption[];
  /** How much of it. Default: 1 to 5. */
  severities?: readonly Severity[];
  /** Threads that run the network: on wasm, one per physical core by default, if memory allows. */
  workers?: number;
  /** Where to write report, predictions and charts; nowhere when absent. */
  out?: string;
  /** Fail on the first unusable file instead of leaving it out. Default false. */
  strict?: boolean;
  /** Called with the number of images done and of all, corrupted ones included. */
  onProgress?: (done: number, total: number) => void;
}

/** What `evaluate` found, and the files that it wrote. */
export interface EvaluateResult extends FullEvaluation {
  /** What to know of how a PyTorch or safetensors file fitted. */
  notes: readonly string[];
  /** Paths written, where `out` was given. */
  files?: EvaluationFiles;
}

/**
 * Evaluates a trained BTN on the test split of a data set: `vit` in full, and beside it the accuracy of
 * `bt` and `cba` over shuffled batches.
 *
 * Each image goes through the network once (twice with `flipAverage`, once more for each corruption
 * and severity). Of each, what the batch transformer needs is kept, 2.8 kB of a full BTN-7; shuffles
 * repeat the batch transformer alone.
 *
 * @throws UserError for a data set or checkpoint that cannot be used.
 *
 * @example
 * const { report, batch, files } = await evaluate({
 *   data: 'raf-db',
 *   checkpoint: 'runs/tiny',
 *   out: 'reports/tiny',
 * });
 * console.log(report.total, batch?.bt.shuffles.length); // 7 5
 * console.log(files?.page); // reports/tiny/report.html
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluateResult> {
  const { data, batchSize = 32, vitOnly = false, flipAverage = false, out, strict } = options;
  const sweep = sweepOf(options);
  if (out !== undefined) await makeReportFolder(out);
  const { model, metadata, path, notes } = await loadForInference(options.checkpoint, {
    dataType: options.dataType,
    rename: options.rename,
    vitOnly,
  });
  try {
    const { preset, config, classNames, dataType } = metadata;
    const { test, ignored } = await imageFolder(data, dataType, { splits: ['test'] });
    const source = imageSource(test, config.inputSize, { strict });
    const { onProgress } = options;
    const jobs = Math.ceil(source.length / batchSize);
    const encoder = await openEncoder(model, { preset, jobs, workers: options.workers });
    const run = { batchSize, flipAverage, sweep, onProgress };
    const seen = await runImages(encoder, source, run).finally(() => encoder.close());
    const result: FullEvaluation = {
      ...(await judgeImages(model, seen, source, classNames, batchSize)),
      robustness: sweep.map((step, i) => {
        const { report } = evaluationOf(seen.labels, seen.corrupted[i]!, classNames);
        return { ...step, accuracy: report.accuracy, meanClassAccuracy: report.meanClassAccuracy };
      }),
      flipAverage,
      dataType,
      data,
      checkpoint: path,
      skipped: source.skipped,
      passedOver: ignored,
    };
    if (out === undefined) return { ...result, notes };
    await writeSkipped(join(out, 'skipped.txt'), source.skipped);
    const sheet = sweep.length > 0 ? await sheetOf(source, seen.indices[0]!, sweep) : undefined;
    const images = await reportImages(model, seen, result.predictions, source);
    const page = { images, facts: factsOf(result, metadata, notes), log: [] };
    return { ...result, notes, files: await writeEvaluation(out, result, page, sheet) };
  } finally {
    model.dispose();
  }
}

/** How an evaluation was made, for its report. */
function factsOf(
  { dataType, data, checkpoint, batch, flipAverage, skipped }: FullEvaluation,
  { preset, config }: BtnMetadata,
  notes: readonly string[],
): [string, string][] {
  return [
    ['network', `${networkText(preset, config)}, ${checkpoint}`],
    ['images', `test split of ${data}, classes of ${dataType}`],
    ...(batch ? [['batch', `${batch.batchSize} images, on which bt and cba depend`] as const] : []),
    ...(flipAverage ? [['probabilities', 'mean of the image and its mirror image'] as const] : []),
    ...(skipped.length > 0 ? [['left out', `${skipped.length} unusable files`] as const] : []),
    ...notes.map((note) => ['weights', note] as const),
    ['versions', versionsText()],
  ].map(([name, value]) => [name!, value!]);
}

/** One image under the corruptions of a sweep, drawn as the sweep draws them. */
async function sheetOf(
  source: ImageSource,
  index: number,
  sweep: readonly CorruptionStep[],
): Promise<Uint8Array> {
  const { pixels } = await source.read([index]);
  return corruptionSheet({ pixels, size: source.size }, index, sweep, evaluationSeed);
}

function sweepOf(options: EvaluateOptions): CorruptionStep[] {
  if (options.corruptions === undefined && options.severities !== undefined) {
    throw new UserError(
      'InvalidSettings',
      '--severity is of a corruption: say which with --corrupt',
    );
  }
  const wanted = options.corruptions ?? [];
  return corruptionNames
    .filter((name) => wanted.includes(name))
    .flatMap((corruption) =>
      (options.severities ?? severities).map((severity) => ({ corruption, severity })),
    );
}

interface SweptImages extends SeenImages {
  /** Of each step of the sweep, predicted classes. Shape [n]. */
  corrupted: number[][];
}

interface RunOptions {
  batchSize: number;
  flipAverage: boolean;
  sweep: readonly CorruptionStep[];
  onProgress?: (done: number, total: number) => void;
}

async function runImages(
  { encode, threads }: Encoder,
  source: ImageSource,
  { batchSize, flipAverage, sweep, onProgress }: RunOptions,
): Promise<SweptImages> {
  const [indices, labels]: [number[], number[]] = [[], []];
  const corrupted = sweep.map((): number[] => []);
  const encoded: Encodings[][] = [];
  const usable = source.usable();
  const plan = batches(usable, batchSize);
  const total = usable.length * (1 + sweep.length);
  let done = 0;
  const progress = (count: number) => {
    done += count;
    onProgress?.(done, total);
  };
  const run = async (i: number) => {
    const batch = await source.read(plan[i]!);
    const images = { pixels: batch.pixels, size: source.size };
    if (batch.skipped.length > 0) progress(batch.skipped.length * (1 + sweep.length));
    if (batch.indices.length === 0) return { batch, views: [], predicted: [] };
    const views = await Promise.all(viewsOf(images, flipAverage).map(encode));
    progress(batch.indices.length);
    const predicted: Int32Array[] = [];
    for (const { corruption, severity } of sweep) {
      const pixels = corrupt(images, batch.indices, corruption, severity, evaluationSeed);
      predicted.push(await predictClasses(encode, { ...images, pixels }, flipAverage));
      progress(batch.indices.length);
    }
    return { batch, views, predicted };
  };
  for await (const { batch, views, predicted } of inOrder(plan.length, threads, run)) {
    if (batch.indices.length === 0) continue;
    indices.push(...batch.indices);
    labels.push(...batch.labels);
    encoded.push(views);
    for (const [i, classes] of predicted.entries()) corrupted[i]!.push(...classes);
  }
  const views = encoded[0]!.map((_, i) => joinEncodings(encoded.map((each) => each[i]!)));
  return { indices, labels, views, corrupted };
}

/** Classes `[n]` by `vit`. */
async function predictClasses(
  encode: Encode,
  images: Images,
  flipAverage: boolean,
): Promise<Int32Array> {
  const probabilities = await vitProbabilities(encode, images, flipAverage);
  const count = images.pixels.length / (images.size * images.size * 3);
  return predictedClasses(probabilities, probabilities.length / count);
}
