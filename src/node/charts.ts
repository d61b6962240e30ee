export { type ConfusionMatrixChart, confusionMatrixSvg } from './confusion_matrix_svg.js';
export { curvesSvg, type EpochRecord } from './curves_svg.js';
