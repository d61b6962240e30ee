import { plural } from '../format.js';
import type { TrainSettings } from './train_settings.js';

/** How a run trains, in a line: optimizer, schedule, loss where it is not plain, augmentation. */
export function recipeText(settings: TrainSettings): string {
  const parts = [optimizerText(settings), scheduleText(settings), ...lossTexts(settings)];
  return `${parts.join(', ')}; ${augmentationTexts(settings.augmentation).join(', ')}`;
}

function optimizerText(settings: TrainSettings): string {
  const { optimizer, momentum, weightDecay, clipNorm, samRho, samAdaptive } = settings;
  const parts = [
    optimizer,
    momentum !== undefined && `momentum ${momentum}`,
    weightDecay > 0 && `weight decay ${weightDecay}`,
    clipNorm > 0 && `gradient norm up to ${clipNorm}`,
    samRho > 0 && `in ${samAdaptive ? 'adaptive ' : ''}SAM of ρ ${samRho}`,
  ];
  return parts.filter(Boolean).join(' ');
}

function scheduleText({ schedule, decay, decayEpochs, warmupEpochs }: TrainSettings): string {
  const kinds = {
    exponential: `rate × ${decay} an epoch`,
    step: `rate × ${decay} every ${decayEpochs} epochs`,
    cosine: 'rate along a cosine',
    constant: 'constant rate',
  };
  const warmup =
    warmupEpochs > 0 ? ` after ${warmupEpochs} ${plural(warmupEpochs, 'epoch')} of warm-up` : '';
  return kinds[schedule] + warmup;
}

function lossTexts(settings: TrainSettings): string[] {
  const { labelSmoothing, classWeights, classBalanced } = settings;
  return [
    ...(labelSmoothing > 0 ? [`labels smoothed by ${labelSmoothing}`] : []),
    ...(classWeights === 'none' ? [] : [`class weights ${classWeights}`]),
    ...(classBalanced ? ['classes drawn equally often'] : []),
  ];
}

function augmentationTexts(augmentation: TrainSettings['augmentation']): string[] {
  const { flip, affine, colorJitter, randAugment, erasing } = augmentation;
  return [
    `flip ${flip}`,
    ...(affine
      ? [
          `affine ±${affine.degrees}° ±${affine.translate} × ${affine.scale.join('–')} ` +
            `shear ±${affine.shear}°`,
        ]
      : []),
    ...(colorJitter ? [`color jitter ${Object.values(colorJitter).join(' ')}`] : []),
    ...(randAugment ? [`RandAugment ${randAugment.operations} × ${randAugment.magnitude}`] : []),
    ...(erasing ? [`erasing ${erasing.probability}`] : []),
  ];
}
