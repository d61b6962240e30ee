/** What a run is made of by its settings: images, optimizer and loss. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { Adam, AdamW } from '../../training/adam.js';
import { clipped } from '../../training/clipped.js';
import { classNamesOf } from '../../training/data_types.js';
import { holdOut } from '../../training/hold_out.js';
import { type BtnLossOptions, balancedClassWeights } from '../../training/loss.js';
import type { Optimizer } from '../../training/optimizer.js';
import { Sam } from '../../training/sam.js';
import { Sgd } from '../../training/sgd.js';
import { type Duplicate, duplicatesAcross, duplicatesText } from '../images/duplicates.js';
import type { ImageFolder, LabelledImage } from '../images/image_folder.js';
import { imageSource } from '../images/image_source.js';
import { UserError } from '../user_error.js';
import { type RunFolder, writeDuplicates } from './run_folder.js';
import type { TrainOptions, TrainReporter } from './train_options.js';
import type { TrainSettings } from './train_settings.js';
import type { Run } from './training_run.js';

type Sources = Pick<Run, 'train' | 'validation' | 'test' | 'files'>;

/** Opens the images of a run, decoded ahead where they fit into memory. @returns Also what several splits have. */
export async function openSources(
  { ignored, ...images }: ImageFolder,
  settings: TrainSettings,
  size: number,
  { strict, reporter, signal }: TrainOptions,
): Promise<Sources & { duplicates: Duplicate[] }> {
  if (ignored > 0) reporter?.passedOver?.(ignored);
  const { files, heldOut } = heldOutOf(images.train, settings);
  const open = async (split: 'train' | 'validation' | 'test', of: readonly LabelledImage[]) => {
    const source = imageSource(of, size, { strict });
    if (source.cached) {
      await source.preload((done) => {
        signal?.throwIfAborted();
        reporter?.decoded?.(split, done, source.length);
      });
    }
    if (source.skipped.length > 0) reporter?.skipped?.(source.skipped);
    return { name: split, images: of, source };
  };
  const train = await open('train', files);
  const validation = heldOut.length > 0 ? await open('validation', heldOut) : undefined;
  const test = await open('test', images.test);
  const splits = [train, ...(validation ? [validation] : []), test];
  return {
    train: train.source,
    validation: validation?.source,
    test: test.source,
    files,
    duplicates: await duplicatesAcross(splits, signal),
  };
}

/** Takes the held-out images, if any, from those to train on. */
function heldOutOf(
  images: readonly LabelledImage[],
  { validation, seed }: TrainSettings,
): { files: readonly LabelledImage[]; heldOut: LabelledImage[] } {
  if (validation === 0) return { files: images, heldOut: [] };
  const labels = images.map(({ label }) => label);
  const held = new Set(holdOut(labels, validation, seed));
  if (held.size === 0) {
    throw new UserError(
      'InvalidSettings',
      `--validation ${validation} holds out nothing: no class of train/ has two images`,
    );
  }
  return {
    files: images.filter((_, index) => !held.has(index)),
    heldOut: images.filter((_, index) => held.has(index)),
  };
}

/** Writes down which images several splits have, and warns of them. */
export async function tellDuplicates(
  folder: RunFolder,
  duplicates: readonly Duplicate[],
  reporter: TrainReporter | undefined,
): Promise<void> {
  await writeDuplicates(folder, duplicates);
  if (duplicates.length > 0) {
    reporter?.warned?.(`${duplicatesText(duplicates)}: ${folder.duplicates} names them`);
  }
}

/** Side of a network's input in pixels. */
export function inputSizeOf(model: LayersModel): number {
  return model.inputs[0]!.shape[1]!;
}

/** The optimizer that settings ask for, clipped and within SAM where they say so. */
export function optimizerOf(settings: TrainSettings): Optimizer {
  const { optimizer, momentum, weightDecay, clipNorm, samRho, samAdaptive } = settings;
  const makers = {
    adam: () => new Adam({ weightDecay }),
    adamw: () => new AdamW({ weightDecay }),
    sgd: () => new Sgd({ momentum, weightDecay }),
  };
  const base = makers[optimizer]();
  const limited = clipNorm > 0 ? clipped(base, clipNorm) : base;
  return samRho > 0 ? new Sam(limited, { rho: samRho, adaptive: samAdaptive }) : limited;
}

/** How settings weigh the loss. @throws UserError where there is not a weight for each class. */
export function lossOf(
  { lambda, labelSmoothing, classWeights, dataType }: TrainSettings,
  files: readonly LabelledImage[],
): BtnLossOptions {
  if (classWeights === 'none') return { lambda, labelSmoothing };
  const { length } = classNamesOf(dataType);
  const labels = files.map(({ label }) => label);
  const weights = classWeights === 'balanced' ? balancedClassWeights(labels, length) : classWeights;
  if (weights.length !== length) {
    throw new UserError(
      'InvalidSettings',
      `--class-weights has ${weights.length} weights: ${dataType} has ${length} classes`,
    );
  }
  return { lambda, labelSmoothing, classWeights: weights };
}
