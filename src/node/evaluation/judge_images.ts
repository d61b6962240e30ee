/** What can be said of images that were run through a network. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { accuracyIntervals } from '../../training/bootstrap.js';
import { calibration } from '../../training/calibration.js';
import { classReport, confusionMatrix, predictedClasses } from '../../training/metrics.js';
import { batches } from '../../training/sampler.js';
import type { SeenImages } from '../images/encode_images.js';
import type { LabelledImage } from '../images/image_folder.js';
import type { ImageSource } from '../images/image_source.js';
import type { Evaluation, FullEvaluation, ImagePrediction } from '../report/report.js';
import { type BatchOutputs, batchOutputs, probabilitiesInBatches } from './batch_accuracy.js';

/** Of shuffles, resamples and corruptions: the same each time. */
export const evaluationSeed = 1;

type JudgedImages = Pick<FullEvaluation, keyof ReturnType<typeof judged> | 'predictions'> & {
  batch: BatchOutputs | undefined;
};

/** What can be said of images that were run through a network, but of corrupted ones. */
export async function judgeImages(
  model: LayersModel,
  { indices, labels, views }: SeenImages,
  source: ImageSource,
  classNames: readonly string[],
  batchSize: number,
): Promise<JudgedImages> {
  const { vit } = await probabilitiesInBatches(
    model,
    views,
    batches([...labels.keys()], batchSize),
  );
  return {
    ...judged(labels, vit, classNames),
    batch: await batchOutputs(model, views, labels, batchSize, evaluationSeed),
    predictions: predictionsOf(source.images, indices, vit, classNames.length),
  };
}

/** What probabilities `[n, C]` are worth. */
function judged(
  labels: readonly number[],
  probabilities: Float64Array,
  classNames: readonly string[],
) {
  const numClasses = classNames.length;
  const predicted = predictedClasses(probabilities, numClasses);
  return {
    ...evaluationOf(labels, predicted, classNames),
    intervals: accuracyIntervals(labels, predicted, numClasses, { seed: evaluationSeed }),
    calibration: calibration(probabilities, labels, numClasses),
  };
}

/** Counts and ratios by class. */
export function evaluationOf(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classNames: readonly string[],
): Evaluation {
  const matrix = confusionMatrix(labels, predictions, classNames.length);
  return { classNames, matrix, report: classReport(matrix) };
}

function predictionsOf(
  files: readonly LabelledImage[],
  indices: readonly number[],
  probabilities: Float64Array,
  numClasses: number,
): ImagePrediction[] {
  const predicted = predictedClasses(probabilities, numClasses);
  return indices.map((index, i) => ({
    ...files[index]!,
    prediction: predicted[i]!,
    probabilities: [...probabilities.subarray(i * numClasses, (i + 1) * numClasses)],
  }));
}
