export { type BtnBuildOptions, btn } from './btn.js';
export * from './config.js';
export { ir50 } from './ir50.js';
export { mobileFaceNet } from './mobilefacenet.js';
export { type OptimizeOptions, optimizeForInference } from './optimize_for_inference.js';
