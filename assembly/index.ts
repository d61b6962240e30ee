/** The kernels that src/kernels/wasm calls; `npm run build:assembly` compiles them. */
export { adam } from './adam';
export { attend, attendGradients, attendGradientsScratch, attendScratch } from './attention';
/** Exported so that they stay functions: inlined into others, their loops run at half the speed. */
export {
  exponentialsOfEight,
  scalarGradientsOfEight,
  scoreGradientsOfEight,
} from './attention_softmax';
export { accumulate5, tile4, tile5 } from './attention_tiles';
export { batchStatistics, combineColumns, normaliseColumns } from './batch_norm';
export { columnProducts, columnSums } from './columns';
export { convolve, convolveScratch, filterGradient, filterGradientScratch } from './convolution';
export { depthwiseFilterGradient, depthwiseInputGradient } from './depthwise';
export { gelu, geluGradient, geluScratch } from './gelu';
export { layerNorm, layerNormGradient } from './layer_norm';
export { matMul } from './mat_mul';
export { preluGradient } from './prelu';
export { productScratch } from './product';
export { addScaled, sumOfSquares } from './updates';
export {
  winograd,
  winogradFilterGradient,
  winogradFilterGradientScratch,
  winogradScratch,
} from './winograd';
/** Exported so that they stay functions, as those of attention. */
export {
  gatherTaps,
  packChannels,
  packTiles,
  restorePixels,
  restoreTaps,
  transformFilterTaps,
  transformGradient,
  transformPixels,
} from './winograd_transforms';
