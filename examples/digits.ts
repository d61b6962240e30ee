/**
 * Handwritten digits: the 10,000 of MNIST that the package mnist ships, 28×28 grey values from 0 to 1, about a thousand
 * of each digit.
 */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { shuffled } from 'btn-layers/training';

export interface Digits {
  /** `[N, 28, 28, 1]` */
  images: tf.Tensor4D;
  /** What each shows, 0 to 9. */
  labels: number[];
}

const pixels = 28 * 28;
const require = createRequire(import.meta.url);

/** Digits to train on and others to test on, as many of each digit; each seed draws others. */
export function drawDigits(train: number, test: number, seed: number): [Digits, Digits] {
  const drawn = Array.from({ length: 10 }, (_, digit) => {
    const { data } = require(`mnist/src/digits/${digit}.json`) as { data: number[] };
    return shuffled([...Array(data.length / pixels).keys()], seed, digit).map((i) => ({
      image: data.slice(i * pixels, (i + 1) * pixels),
      label: digit,
    }));
  });
  const part = (from: number, to: number) => {
    const samples = drawn.flatMap((ofDigit) => ofDigit.slice(from / 10, to / 10));
    const images = tf.tensor(
      samples.flatMap(({ image }) => image),
      [samples.length, 28, 28, 1],
    ) as tf.Tensor4D;
    return { images, labels: samples.map(({ label }) => label) };
  };
  return [part(0, train), part(train, train + test)];
}
