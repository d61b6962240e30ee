import * as tf from '@tensorflow/tfjs-core';
import { it } from 'vitest';
import { randomArray, tidied, toArray, toTensor } from '../../support/arrays.js';
import { describeBackends } from '../../support/backends.js';
import { expectClose } from '../../support/gradient_check.js';
import { ndArray } from '../../support/reference/index.js';

describeBackends('convolution 1×1 of what ops have made', () => {
  it.each([1, 2, 3, 7])('sums %i channels, with a bias or without', (channels) => {
    const [x, filter] = [randomArray([2, 3, 4, channels], 1), randomArray([1, 1, channels, 5], 2)];
    const bias = randomArray([5], 3);
    const expected = ndArray([2, 3, 4, 5], (i) => {
      const [pixel, column] = [Math.floor(i / 5), i % 5];
      let sum = 0;
      for (let k = 0; k < channels; k++) {
        sum += Math.exp(x.data[pixel * channels + k]! + filter.data[k * 5 + column]!);
      }
      return sum;
    });
    const found = tidied(() => {
      // The exponentials leave ones behind the ends of odd rows.
      const [image, taps] = [tf.exp(toTensor(x)), tf.exp(toTensor(filter))] as [
        tf.Tensor4D,
        tf.Tensor4D,
      ];
      const options = { x: image, filter: taps, strides: 1, pad: 'same' } as const;
      return [
        tf.conv2d(image, taps, 1, 'same'),
        tf.fused.conv2d({ ...options, bias: toTensor(bias) }),
      ].map(toArray);
    });
    const biased = ndArray(expected.shape, (i) => expected.data[i]! + bias.data[i % 5]!);
    expectClose(found, [expected, biased], 1e-5);
  });
});
