/**
 * btn-layers/testing: checks gradients of one's own ops and layers against central differences. Needs no test runner and
 * runs in Node and in browsers.
 */
export { type NdArray, ndArray, randomArray } from './arrays.js';
export {
  checkGradients,
  type GradientCheckOptions,
  type GradientReport,
  type Op,
  type Reference,
} from './check_gradients.js';
export {
  type ConfigOf,
  checkLayer,
  type LayerCheckOptions,
  type LayerClass,
} from './check_layer.js';
export type { Comparison } from './comparison.js';
