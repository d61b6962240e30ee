export { type CalibrationChart, calibrationSvg } from './calibration_svg.js';
export { type ClassBarsChart, classBarsSvg } from './class_bars_svg.js';
export { type ConfusionMatrixChart, confusionMatrixSvg } from './confusion_matrix_svg.js';
export { curvesSvg, type EpochRecord } from './curves_svg.js';
export { type RobustnessChart, robustnessSvg } from './robustness_svg.js';
