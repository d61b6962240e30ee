import { type BtnConfig, type BtnConfigOptions, btnConfig } from '../../src/models/index.js';

/** The topology of `tiny` with as few channels as its heads allow: a step takes milliseconds. */
export function smallConfig(options: Partial<BtnConfigOptions> = {}): BtnConfig {
  const config = btnConfig('tiny', { numClasses: 3, seed: 1, ...options });
  return {
    ...config,
    inputSize: 56,
    image: { mode: 'ir', widths: [4, 4, 8], depths: [1, 1, 1] },
    landmarks: { ...config.landmarks, widths: [4, 4, 8], depths: [1, 0, 1] },
    classifier: { ...config.classifier, width: 16, depth: 1, numHeads: 2 },
  };
}
