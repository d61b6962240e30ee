/** btn-layers/node: what needs Node: networks trained and used on folders of images, their files, reports and charts. */
export { allReporters } from './all_reporters.js';
export { type BackendName, type BackendOptions, selectBackend } from './backend.js';
export type { BatchAccuracy, BatchOutputs } from './batch_accuracy.js';
export {
  type BtnMetadata,
  type LoadedBtn,
  loadBtn,
  metadataOf,
  type WantedBtn,
} from './btn_files.js';
export { type CalibrationChart, calibrationSvg } from './calibration_svg.js';
export {
  type Checkpoint,
  type DamagedCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from './checkpoint.js';
export { type ClassBarsChart, classBarsSvg } from './class_bars_svg.js';
export { type ConfusionMatrixChart, confusionMatrixSvg } from './confusion_matrix_svg.js';
export { type ConvertOptions, type ConvertResult, convert } from './convert.js';
export type { CorruptionStep } from './corruption_sheet.js';
export { curvesSvg, type EpochRecord } from './curves_svg.js';
export { DecodeError, decodeImage } from './decode_image.js';
export { type EvaluateOptions, type EvaluateResult, evaluate } from './evaluate.js';
export {
  type ImageFolder,
  type ImageFolderOptions,
  imageFolder,
  type LabelledImage,
  type Split,
} from './image_folder.js';
export {
  type ImageBatch,
  type ImageSource,
  type ImageSourceOptions,
  imageSource,
  type SkippedImage,
} from './image_source.js';
export { jsonReporter } from './json_reporter.js';
export { loadModelFiles as loadModel, saveModelFiles as saveModel } from './model_files.js';
export { type Prediction, type PredictOptions, type PredictResult, predict } from './predict.js';
export type { Pretrained } from './pretrained.js';
export { progressReporter } from './progress.js';
export {
  type CorruptedAccuracy,
  classReportTable,
  type Evaluation,
  type FullEvaluation,
  type ImagePrediction,
} from './report.js';
export { type RobustnessChart, robustnessSvg } from './robustness_svg.js';
export type { EpochLog, ReportFiles, RunFolder } from './run_folder.js';
export { tensorboardReporter } from './tensorboard.js';
export { type TrainResult, train } from './train.js';
export type { RunStart, StepState, TrainOptions, TrainReporter } from './train_options.js';
export type { GivenSettings, TrainSettings } from './train_settings.js';
export type { BestEpoch } from './training_run.js';
export { UserError, type UserErrorCode } from './user_error.js';
export type { EvaluationFiles } from './write_evaluation.js';
