import * as tf from '@tensorflow/tfjs-core';

/**
 * Sinusoidal encoding of the channel (class) index:
 *
 *     P[c,i] = sin(a) for even i, cos(a) for odd i,   a = c / 10000^(2·floor(i/2) / E)
 *
 * Added to query and key before class batch attention, never to value. E may be odd.
 *
 * @param numClasses C
 * @param numFeatures E
 * @returns `[C, E]`
 *
 * @example
 * const encoding = channelPositionalEncoding(7, 4);
 * console.log(encoding.shape, encoding.arraySync()[0]); // [ 7, 4 ] [ 0, 1, 0, 1 ]
 * const query = tf.randomNormal([2, 7, 4]); // [batch, classes, features]
 * console.log(tf.add(query, encoding).shape); // [ 2, 7, 4 ]
 *
 * Provenance: reconstructed. Published is that the encoding is built from the channel count alone
 * and encodes query and key; the sinusoid is our choice.
 */
export function channelPositionalEncoding(numClasses: number, numFeatures: number): tf.Tensor2D {
  const values = new Float32Array(numClasses * numFeatures);
  for (let c = 0; c < numClasses; c++) {
    for (let i = 0; i < numFeatures; i++) {
      const angle = c / 10000 ** ((2 * Math.floor(i / 2)) / numFeatures);
      values[c * numFeatures + i] = i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return tf.tensor2d(values, [numClasses, numFeatures]);
}
