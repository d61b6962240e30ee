import * as tf from '@tensorflow/tfjs-core';
import { channelPositionalEncoding } from '../ops/channel_positional_encoding.js';
import { checkClassBatchAttention } from '../ops/class_batch_attention.js';
import { ArgumentError } from '../ops/errors.js';
import type { Shape } from '../ops/shape_check.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  type SeededConfig,
  shapeList,
  type Weight,
} from './btn_layer.js';

/** `sinusoidal` has no weights; `learned` is one trainable `[C, E]`. */
export type ChannelEncoding = 'sinusoidal' | 'learned';

/** Config of `ChannelPositionalEncoding`. */
export interface ChannelPositionalEncodingConfig extends SeededConfig {
  /** Default `sinusoidal`. */
  encoding?: ChannelEncoding;
}

/**
 * Adds to query and key an encoding P of the channel (class) index, so that attention knows which
 * class it is about.
 *
 *     P[c,i] = sin(a) for even i, cos(a) for odd i,   a = c / 10000^(2·floor(i/2) / E)
 *
 * Inputs: `[query, key]`, each `[B, C, E]`; C and E must be known. Outputs: `[query + P, key + P]`.
 *
 * @throws ShapeError when the ranks are wrong or the sizes disagree; ArgumentError for an unknown
 *   `encoding`, or when there are not 2 inputs.
 *
 * @example
 * const encode = new ChannelPositionalEncoding({ encoding: 'learned' });
 * const [query, key] = [tf.zeros([4, 7, 16]), tf.zeros([4, 7, 16])];
 * const [q, k] = encode.apply([query, key]) as tf.Tensor[];
 * console.log(q.shape, k.shape, encode.countParams()); // [ 4, 7, 16 ] [ 4, 7, 16 ] 112
 *
 * Provenance: reconstructed. Published is that the encoding is built from the channel count alone
 * and encodes query and key, never value.
 */
export class ChannelPositionalEncoding extends BtnLayer {
  static readonly className = 'ChannelPositionalEncoding';
  private readonly encoding: ChannelEncoding;
  private embedding?: Weight;

  constructor(config: ChannelPositionalEncodingConfig = {}) {
    super(config);
    this.encoding = config.encoding ?? 'sinusoidal';
    if (this.encoding !== 'sinusoidal' && this.encoding !== 'learned') {
      throw new ArgumentError(
        `ChannelPositionalEncoding: encoding must be 'sinusoidal' or 'learned', not '${this.encoding}'`,
      );
    }
  }

  override build(inputShape: LayerShape): void {
    const [query] = this.checked(inputShape);
    const sizes = [1, 2].map((axis) => knownSize('ChannelPositionalEncoding', query, axis));
    if (this.encoding === 'learned') {
      this.embedding = this.weight('embedding', sizes, this.truncatedNormal());
    }
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape[] {
    return this.checked(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
    return tf.tidy(() => {
      const [query, key] = inputs as [tf.Tensor, tf.Tensor];
      const [, numClasses, numFeatures] = query.shape as [number, number, number];
      const encoding = this.embedding?.read() ?? channelPositionalEncoding(numClasses, numFeatures);
      return [tf.add(query, encoding), tf.add(key, encoding)];
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), encoding: this.encoding };
  }

  private checked(inputShape: LayerShape): [Shape, Shape] {
    const shapes = shapeList(inputShape);
    if (shapes.length !== 2) {
      throw new ArgumentError(
        `ChannelPositionalEncoding: needs 2 inputs [query, key], but was given ${shapes.length}`,
      );
    }
    const [query, key] = shapes as [Shape, Shape];
    checkClassBatchAttention('ChannelPositionalEncoding', { query, key });
    return [query, key];
  }
}
tf.serialization.registerClass(ChannelPositionalEncoding);
