import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import {
  attributeNames,
  meetAllAttributes,
} from '../../../src/kernels/tensorflow/attribute_names.js';
import { describeBackends } from '../../support/backends.js';

describeBackends(
  'names of attributes',
  () => {
    it('are all that the sources of tfjs-node name', () => {
      const dist = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node'));
      const sources = readdirSync(join(dist, 'kernels'))
        .filter((name) => name.endsWith('.js') && !name.endsWith('_test.js'))
        .map((name) => join('kernels', name));
      const found = [...sources, 'nodejs_kernel_backend.js'].flatMap((name) => {
        const text = readFileSync(join(dist, name), 'utf8');
        return [...text.matchAll(/(?:\bname: |OpAttr\)?\()'(\w+)'/g)].map((match) => match[1]!);
      });
      expect(found.length).toBeGreaterThan(200);
      expect([...new Set(found)].sort()).toEqual([...attributeNames].sort());
    });

    it('are met without an error, and the backend goes on', () => {
      meetAllAttributes();
      const sum = tf.tidy(() => tf.sum(tf.ones([2, 3])).dataSync()[0]);
      expect(sum).toBe(6);
    });
  },
  { only: ['tensorflow'] },
);
