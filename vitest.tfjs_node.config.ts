import { createRequire } from 'node:module';
import { mergeConfig } from 'vitest/config';
import config from './vitest.config.js';

function isThere(): boolean {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node');
    return true;
  } catch {
    return false;
  }
}

if (!isThere()) {
  console.warn(
    'Every test is skipped: tfjs-node is not installed. scripts/build_tfjs_node.sh builds it.',
  );
}

/** The tests that run on tfjs-node: see docs/tfjs_node.md. */
export default mergeConfig(config, {
  test: { testNamePattern: / on tensorflow/, env: { TF_CPP_MIN_LOG_LEVEL: '2' } },
});
