import * as tf from '@tensorflow/tfjs-core';
import { it } from 'vitest';
import { crossEntropy } from '../../src/training/index.js';
import { tidied } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { formulaLabels, formulaTensor } from '../support/formula.js';
import { expectWithin, Golden, groupError, type Values } from '../support/goldens.js';

interface About {
  shape: [number, number];
  classWeights: number[];
}

const golden = Golden.read<About>('loss');
const { shape, classWeights, tolerance } = golden.about;

describeBackends('cross-entropy agrees with PyTorch', (backend) => {
  it.each(
    ['plain', 'weighted'].flatMap((kind) =>
      [0, 0.1, 0.6].map((smoothing) => ({ kind, smoothing })),
    ),
  )('$kind, labels smoothed by $smoothing', ({ kind, smoothing }) => {
    const found: Values = tidied(() => {
      const logits = tf.tensor2d(formulaTensor('logits', shape, { center: 0, scale: 4 }), shape);
      const targets = tf.oneHot(tf.tensor1d(formulaLabels(...shape), 'int32'), shape[1]);
      const options = {
        labelSmoothing: smoothing,
        ...(kind === 'weighted' && { classWeights }),
      };
      const { value, grad } = tf.valueAndGrad((x) =>
        crossEntropy(x as tf.Tensor2D, targets, options),
      )(logits);
      return new Map([
        ['loss', value.dataSync().slice() as Float32Array],
        ['gradient', grad.dataSync().slice() as Float32Array],
      ]);
    });
    const error = groupError(found, golden.group(`${kind}.${smoothing}`));
    expectWithin({ what: `${kind} loss`, quantity: `ε ${smoothing}`, backend, error, tolerance });
  });
});
