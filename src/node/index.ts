/** btn-layers/node: what needs Node: networks trained and used on folders of images, their files, reports and charts. */

export { type BackendName, type BackendOptions, selectBackend } from './backend.js';
export { type CalibrationChart, calibrationSvg } from './charts/calibration_svg.js';
export { type ClassBarsChart, classBarsSvg } from './charts/class_bars_svg.js';
export { type ConfusionMatrixChart, confusionMatrixSvg } from './charts/confusion_matrix_svg.js';
export { curvesSvg, type EpochRecord } from './charts/curves_svg.js';
export { type RobustnessChart, robustnessSvg } from './charts/robustness_svg.js';
export {
  type Checkpoint,
  type DamagedCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from './checkpoint/checkpoint.js';
export type { BatchAccuracy, BatchOutputs } from './evaluation/batch_accuracy.js';
export { type EvaluateOptions, type EvaluateResult, evaluate } from './evaluation/evaluate.js';
export {
  type Prediction,
  type PredictOptions,
  type PredictResult,
  predict,
} from './evaluation/predict.js';
export type { EvaluationFiles } from './evaluation/write_evaluation.js';
export { DecodeError, decodeImage } from './images/decode_image.js';
export {
  type ImageFolder,
  type ImageFolderOptions,
  imageFolder,
  type LabelledImage,
  type Split,
} from './images/image_folder.js';
export {
  type ImageBatch,
  type ImageSource,
  type ImageSourceOptions,
  imageSource,
  type SkippedImage,
} from './images/image_source.js';
export {
  type BtnMetadata,
  type LoadedBtn,
  loadBtn,
  metadataOf,
  type WantedBtn,
} from './models/btn_files.js';
export { type ConvertOptions, type ConvertResult, convert } from './models/convert.js';
export { loadModelFiles as loadModel, saveModelFiles as saveModel } from './models/model_files.js';
export type { Pretrained } from './models/pretrained.js';
export type { CorruptionStep } from './report/corruption_sheet.js';
export {
  type CorruptedAccuracy,
  classReportTable,
  type Evaluation,
  type FullEvaluation,
  type ImagePrediction,
} from './report/report.js';
export { allReporters } from './reporters/all_reporters.js';
export { jsonReporter } from './reporters/json_reporter.js';
export { progressReporter } from './reporters/progress.js';
export { tensorboardReporter } from './reporters/tensorboard.js';
export type { EpochLog, ReportFiles, RunFolder } from './training/run_folder.js';
export { type TrainResult, train } from './training/train.js';
export type { RunStart, StepState, TrainOptions, TrainReporter } from './training/train_options.js';
export type { GivenSettings, TrainSettings } from './training/train_settings.js';
export type { BestEpoch } from './training/training_run.js';
export { UserError, type UserErrorCode } from './user_error.js';
