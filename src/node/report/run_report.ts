import type { LayersModel } from '@tensorflow/tfjs-layers';
import { calibrationSvg } from '../charts/calibration_svg.js';
import { writeChart } from '../charts/write_chart.js';
import { judgeImages } from '../evaluation/judge_images.js';
import { count, folderName } from '../format.js';
import type { SeenImages } from '../images/encode_images.js';
import type { ImageSource } from '../images/image_source.js';
import { metadataOf } from '../models/btn_files.js';
import { recipeText } from '../training/recipe_text.js';
import { chooserText } from '../training/run_folder.js';
import type { Run } from '../training/training_run.js';
import { networkText, versionsText } from '../versions.js';
import { writeFileSafely } from '../write_file.js';
import type { FullEvaluation } from './report.js';
import { type ReportImages, reportImages } from './report_images.js';
import { reportPage } from './report_page.js';

/** What a run's report shows of its best epoch. */
export interface ReportedEpoch {
  epoch: number;
  /** Whether the images are the test split, not such as were held out of training. */
  onTest: boolean;
  result: FullEvaluation;
  images: ReportImages;
}

/**
 * Works out what a run's report shows of an epoch.
 *
 * @param model of the epoch.
 * @param source whose images `seen` is of.
 * @param epoch from 1 on.
 */
export async function reportedEpoch(
  { progress, folder, model: current, test }: Run,
  model: LayersModel,
  source: ImageSource,
  seen: SeenImages,
  epoch: number,
): Promise<ReportedEpoch> {
  const { settings } = progress;
  const { classNames } = metadataOf(current, folder.out);
  const judged = await judgeImages(model, seen, source, classNames, settings.batchSize);
  const result: FullEvaluation = {
    ...judged,
    robustness: [],
    flipAverage: false,
    dataType: settings.dataType,
    data: settings.data,
    checkpoint: folder.best,
    skipped: source.skipped,
    passedOver: 0,
  };
  const images = await reportImages(model, seen, result.predictions, source);
  return { epoch, onTest: source === test, result, images };
}

/** Writes `report.html` and `calibration.svg` of a run. @throws UserError when they cannot be written. */
export async function writeRunPage(run: Run, reported: ReportedEpoch): Promise<void> {
  const { folder, progress } = run;
  const { epoch, result, images } = reported;
  const { settings, log } = progress;
  const title = `${networkOf(run)}, ${folderName(settings.data)}, epoch ${epoch}`;
  const facts = factsOf(run, reported);
  const { calibration } = result;
  const subtitle = `${title}, each image alone (vit)`;
  await writeChart(folder.calibration, await calibrationSvg({ calibration, subtitle }));
  const page = { title, facts, settings, log, result, images };
  await writeFileSafely(folder.page, await reportPage(page));
}

function networkOf({ model, folder }: Run): string {
  const { preset, config } = metadataOf(model, folder.out);
  return networkText(preset, config);
}

/** How the run was made, in words. */
function factsOf(run: Run, { epoch, onTest }: ReportedEpoch): [string, string][] {
  const { progress, train, validation, test, model } = run;
  const { settings, log } = progress;
  const { data, dataType, learningRate, batchSize, epochs, seed } = settings;
  const images = (source: ImageSource) => count(source.usable().length);
  const heldOut = validation ? `, ${images(validation)} held out of it` : '';
  const skipped = [train, validation, test].flatMap((source) => source?.skipped ?? []).length;
  const chosen = `${epoch} of ${log.length} so far, ${epochs} in all; chosen on ${chooserText(settings)}`;
  return [
    ['network', `${networkOf(run)}, ${count(model.countParams())} weights`],
    ['data', `${data}, classes of ${dataType}`],
    ['images', `${images(train)} to train on${heldOut}, ${images(test)} to test on`],
    ['best epoch', chosen],
    ['shown here', onTest ? 'its result on the test split' : 'its result on the held-out images'],
    ['training', `learning rate ${learningRate}, batch ${batchSize}, ${recipeText(settings)}`],
    ['seed', `${seed}`],
    ...(skipped > 0 ? [['left out', `${count(skipped)} unusable files`] as [string, string]] : []),
    ['versions', versionsText()],
  ];
}
