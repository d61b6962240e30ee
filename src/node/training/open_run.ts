import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn } from '../../models/btn.js';
import { classNamesOf } from '../../training/data_types.js';
import { checkpointFolder, holdsProgress } from '../checkpoint/checkpoint_folders.js';
import { dataFingerprint } from '../images/data_fingerprint.js';
import { type ImageFolder, imageFolder } from '../images/image_folder.js';
import { describeModel, loadBtn } from '../models/btn_files.js';
import { loadPretrained } from '../models/pretrained.js';
import { isWeightsFile } from '../models/weights_file.js';
import { UserError } from '../user_error.js';
import { resumedRun } from './resumed_run.js';
import { withConfig } from './run_config.js';
import { createRun, newRunName, removeRun } from './run_folder.js';
import { inputSizeOf, lossOf, openSources, optimizerOf, tellDuplicates } from './run_parts.js';
import type { TrainOptions } from './train_options.js';
import { freshSettings, networkOf, type TrainSettings } from './train_settings.js';
import { noSums, type Run } from './training_run.js';

/**
 * Opens the run that the options ask for: a new one, one from weights alone, or one that goes on.
 *
 * @throws as `train`.
 */
export async function openRun(given: TrainOptions): Promise<Run> {
  const options = await withConfig(given);
  const { resume, rename } = options;
  if (rename !== undefined && (resume === undefined || !(await isWeightsFile(resume)))) {
    throw new UserError(
      'InvalidSettings',
      '--rename is for a PyTorch or safetensors file given with --resume',
    );
  }
  if (resume === undefined) return newRun(options);
  if (options.pretrainedIr50 !== undefined || options.pretrainedMobilefacenet !== undefined) {
    throw new UserError(
      'InvalidSettings',
      '--pretrained-… is for a new run: --resume brings all weights',
    );
  }
  return (await isModelAlone(resume)) ? newRun(options) : resumedRun(options);
}

/** Whether a path holds weights, but nothing of how far training went. */
async function isModelAlone(path: string): Promise<boolean> {
  return (
    (await isWeightsFile(path)) || !(await holdsProgress(await checkpointFolder(path, 'last')))
  );
}

async function newRun(options: TrainOptions): Promise<Run> {
  const { model, settings, images, notes } = await newModel(options);
  try {
    for (const note of notes) options.reporter?.loaded?.(note);
    const folder = await createRun(options.out ?? newRunName(settings), settings);
    const size = inputSizeOf(model);
    const sources = await openSources(images, settings, size, options)
      .then(async ({ duplicates, ...opened }) => {
        await tellDuplicates(folder, duplicates, options.reporter);
        return opened;
      })
      .catch(async (error: unknown) => {
        await removeRun(folder);
        throw error;
      });
    const progress = {
      settings,
      epoch: 0,
      position: 0,
      dataFingerprint: dataFingerprint(images),
      sums: noSums,
      log: [],
    };
    const optimizer = optimizerOf(settings);
    const loss = lossOf(settings, sources.files);
    return { model, optimizer, progress, folder, loss, isNew: true, ...sources };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

interface NewModel {
  model: LayersModel;
  settings: TrainSettings;
  images: ImageFolder;
  /** A line on each file of weights. */
  notes: string[];
}

/** The network that a new run begins with; settings and data are looked at before it is made. */
async function newModel(options: TrainOptions): Promise<NewModel> {
  const settings = freshSettings(options);
  if (options.resume !== undefined) return modelOfWeights(options.resume, options);
  const { preset, data, dataType } = settings;
  const images = await imageFolder(data, dataType);
  const classNames = classNamesOf(dataType);
  const config = networkOf(settings, classNames.length);
  const model = btn(config);
  describeModel(model, { preset, config, dataType, classNames });
  try {
    return { model, settings, images, notes: await loadPretrained(model, settings) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** A network from its weights alone: a new run, of which these are the start. */
async function modelOfWeights(path: string, options: TrainOptions): Promise<NewModel> {
  const { model, metadata, notes } = await loadBtn(path, options);
  const { preset, dataType, config } = metadata;
  const { multiLevelAttention, batchTransformer } = config;
  const ofFile = { preset, dataType, multiLevelAttention, batchTransformer, initialWeights: path };
  try {
    const settings = freshSettings({ ...options, ...ofFile });
    return { model, settings, images: await imageFolder(settings.data, dataType), notes };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
