/**
 * What each op is, in float64 and plain loops, written from the definitions and not from the
 * library: the standard that the ops, layers and kernels are held to.
 */
export * from './attention.js';
export * from './blocks.js';
export * from './convolution.js';
export * from './dense.js';
export * from './nd_array.js';
export * from './normalisation.js';
export * from './training.js';
