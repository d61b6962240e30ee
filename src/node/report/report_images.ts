import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { SeenImages } from '../images/encode_images.js';
import type { ImageSource } from '../images/image_source.js';
import { type BatchAttention, batchAttention, imagesToShow, wrongest } from './batch_attention.js';
import type { ImagePrediction } from './report.js';
import { thumbnails } from './thumbnails.js';

/** What a report shows of images; pictures are `data:` addresses. */
export interface ReportImages {
  /** Named wrongly, the worst first; not all where they are many. */
  wrong: { image: ImagePrediction; picture: string }[];
  /** Of a Batch Transformer Network: some images that share a batch. */
  batch?: { attention: BatchAttention; images: ImagePrediction[]; pictures: string[] };
}

const mostWrong = 24;
const wrongSide = 96;
const batchSize = 16;
const batchSide = 64;

/**
 * The images that a report shows: the most wrong ones, and a batch of some that look at each other.
 *
 * @param predictions of the images seen, in their order.
 */
export async function reportImages(
  model: LayersModel,
  { indices, views }: SeenImages,
  predictions: readonly ImagePrediction[],
  source: ImageSource,
): Promise<ReportImages> {
  const pictures = (images: readonly number[], side: number) =>
    thumbnails(
      source,
      images.map((i) => indices[i]!),
      side,
    );
  const wrong = wrongest(predictions).slice(0, mostWrong);
  const wrongPictures = await pictures(wrong, wrongSide);
  const images = imagesToShow(predictions, batchSize);
  const attention = await batchAttention(model, views[0]!, images);
  return {
    wrong: wrong.map((i, n) => ({ image: predictions[i]!, picture: wrongPictures[n]! })),
    ...(attention && {
      batch: {
        attention,
        images: images.map((i) => predictions[i]!),
        pictures: await pictures(images, batchSide),
      },
    }),
  };
}
