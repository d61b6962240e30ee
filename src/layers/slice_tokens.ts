import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import type { Shape } from '../ops/shape_check.js';
import { BtnLayer, type LayerConfig, type LayerShape, onlyTensor, shapeList } from './btn_layer.js';

/** Config of `SliceTokens`. */
export interface SliceTokensConfig extends LayerConfig {
  /** First token that is kept. */
  begin: number;
  /** How many are kept. */
  count: number;
}

/**
 * Keeps `count` tokens from `begin` on.
 *
 * Input `[B, N, D]`, output `[B, count, D]`.
 *
 * @throws ArgumentError when `begin` is no integer from 0 on, `count` none from 1 on, or the input has fewer tokens than `begin + count`.
 *
 * @example
 * const tokens = tf.tensor3d([[[1, 2], [3, 4], [5, 6]]]); // three tokens of width two
 * const kept = new SliceTokens({ begin: 1, count: 2 }).apply(tokens) as tf.Tensor;
 * console.log(kept.arraySync()); // [ [ [ 3, 4 ], [ 5, 6 ] ] ]
 */
export class SliceTokens extends BtnLayer {
  static readonly className = 'SliceTokens';
  private readonly begin: number;
  private readonly count: number;

  constructor(config: SliceTokensConfig) {
    super(config);
    checkNumber('SliceTokens', 'begin', config.begin, { from: 0, integer: true });
    checkNumber('SliceTokens', 'count', config.count, { from: 1, integer: true });
    this.begin = config.begin;
    this.count = config.count;
  }

  override build(inputShape: LayerShape): void {
    const tokens = shapeList(inputShape)[0]![1];
    if (tokens != null && this.begin + this.count > tokens) {
      throw new ArgumentError(
        `SliceTokens: tokens ${this.begin} to ${this.begin + this.count - 1} of only ${tokens}`,
      );
    }
    this.built = true;
  }

  override computeOutputShape(inputShape: LayerShape): Shape {
    const [batch, , width] = shapeList(inputShape)[0]!;
    return [batch!, this.count, width!];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.slice(onlyTensor(inputs), [0, this.begin, 0], [-1, this.count, -1]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), begin: this.begin, count: this.count };
  }
}
tf.serialization.registerClass(SliceTokens);
