import { mergeConfig } from 'vitest/config';
import config from './vitest.config.js';

/** The page of examples/browser in real Chromium: minutes, and only where there is one. */
export default mergeConfig(
  { ...config, test: { ...config.test, include: [] } },
  {
    test: {
      include: ['test/page/*.page.ts'],
      testTimeout: 300_000,
      hookTimeout: 300_000,
      expect: { poll: { timeout: 60_000 } },
    },
  },
);
