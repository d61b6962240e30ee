import * as tf from '@tensorflow/tfjs-core';
import type { BtnConfig, Preset } from '../models/config.js';

/** Of this package, as in package.json, which a bundled program may not have beside it. */
export const version = '0.1.0';

/** Such as `btn-layers 0.1.0, TensorFlow.js 4.22.0 on wasm, Node 20.19.0`. */
export function versionsText(): string {
  const backend = tf.getBackend();
  return `btn-layers ${version}, TensorFlow.js ${tf.version_core} on ${backend}, Node ${process.versions.node}`;
}

/** Such as `tiny BTN-7 at 112 × 112 pixels`. */
export function networkText(preset: Preset, config: BtnConfig): string {
  const { batchTransformer, numClasses, inputSize } = config;
  const name = batchTransformer ? 'BTN' : 'POSTER V2';
  return `${preset} ${name}-${numClasses} at ${inputSize} × ${inputSize} pixels`;
}
