import { mergeConfig } from 'vitest/config';
import config from './vitest.config.js';

/** What runs on WebGPU in Node: see docs/backends.md. */
export default mergeConfig(config, {
  test: { testNamePattern: / on webgpu/, env: { BTN_LAYERS_WEBGPU: '1' } },
});
