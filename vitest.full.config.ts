import { mergeConfig } from 'vitest/config';
import config from './vitest.config.js';

/** Networks at full size: minutes and gigabytes, too much for every run of the tests. */
export default mergeConfig(
  { ...config, test: { ...config.test, include: [] } },
  { test: { include: ['test/**/*.full.ts'], testTimeout: 600_000, fileParallelism: false } },
);
