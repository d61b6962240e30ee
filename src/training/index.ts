/** btn-layers/training: losses, optimizers, steps, schedules, metrics, augmentation. Runs in browsers. */
// Optimizers and the step run ops, whose kernels a bundler would leave out.
import '../kernels/index.js';

export * from './adam.js';
export {
  type Augmentation,
  augment,
  flipHorizontally,
  type Images,
  imageNet,
  normalise,
  type RandomErasing,
} from './augmentation.js';
export * from './bootstrap.js';
export { type CachedGradients, cachedGradients, type EncodePart } from './cached_gradients.js';
export * from './calibration.js';
export * from './clipped.js';
export * from './corruption.js';
export { classNamesOf, type DataType, dataTypes, isDataType } from './data_types.js';
export * from './from_tfjs.js';
export * from './hold_out.js';
export * from './loss.js';
export * from './metrics.js';
export type { Gradients, Optimizer, OptimizerState, Variables } from './optimizer.js';
export * from './random.js';
export type { ColorJitter, RandAugment, RandomAffine } from './random_transforms.js';
export * from './recipe.js';
export { resizeBilinear } from './resize.js';
export * from './sam.js';
export { batches, classBalanced, shuffled } from './sampler.js';
export * from './schedule.js';
export * from './sgd.js';
export type { SlotOptimizer, Slots, VariableStep } from './slot_optimizer.js';
export {
  type Batch,
  type BatchGradients,
  type BatchLoss,
  forward,
  type GradientJob,
  type GradientResult,
  LossNotFiniteError,
  partsOf,
  type StepResult,
  type TrainStepOptions,
  trainStep,
} from './step.js';
