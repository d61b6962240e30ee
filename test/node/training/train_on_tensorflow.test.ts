import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../../src/node/evaluation/evaluate.js';
import { predict } from '../../../src/node/evaluation/predict.js';
import { train } from '../../../src/node/training/train.js';
import type { TrainOptions } from '../../../src/node/training/train_options.js';
import { isInstalled, useBackend } from '../../support/backends.js';
import { expectSameRun } from '../same_run.js';
import { drawSmallData } from '../small_data.js';
import { temporaryFolder } from '../temporary_folder.js';

describe.skipIf(!isInstalled('@tensorflow/tfjs-node'))(
  'the trainer on tensorflow (needs @tensorflow/tfjs-node)',
  () => {
    useBackend('tensorflow');
    const folder = temporaryFolder();
    const at = (...names: string[]) => join(folder, ...names);
    const small: TrainOptions = { data: at('data'), preset: 'tiny', batchSize: 4, epochs: 2 };

    beforeAll(async () => {
      await drawSmallData(at('data'));
      await train({ ...small, out: at('whole') });
    });

    it('repeats a run bit for bit', async () => {
      await train({ ...small, out: at('again') });
      expectSameRun(at('again'), at('whole'));
    });

    it('goes on with a run as if it had not been stopped, and leaves no tensor', async () => {
      const before = tf.memory().numTensors;
      await train({ ...small, out: at('stopped'), maxSteps: 3 });
      await train({ resume: at('stopped') });
      expectSameRun(at('stopped'), at('whole'));
      expect(tf.memory().numTensors).toBe(before);
    });

    it('evaluates and predicts', async () => {
      const evaluation = await evaluate({ data: at('data'), checkpoint: at('whole') });
      expect(evaluation.predictions).toHaveLength(7);
      const images = [at('data', 'test', '1', 'test_0.png')];
      const { predictions } = await predict({ images, checkpoint: at('whole') });
      const probabilities = Object.values(predictions[0]!.probabilities);
      expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    });
  },
);
