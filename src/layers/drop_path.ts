import * as tf from '@tensorflow/tfjs-core';
import { ArgumentError } from '../ops/errors.js';
import { dropoutMask } from '../ops/mask.js';
import {
  BtnLayer,
  callMask,
  isTraining,
  type Kwargs,
  type LayerConfig,
  onlyTensor,
} from './btn_layer.js';

/** Config of `DropPath`. */
export interface DropPathConfig extends LayerConfig {
  /** Probability that a sample's branch is dropped in training, in [0, 1). */
  rate: number;
}

/**
 * Stochastic depth: in training, each sample of the batch loses the whole branch with probability
 * `rate`, and what stays is divided by 1 − rate. Otherwise the identity.
 *
 * Input and output: `[B, ...]`. Repeatable by `model.apply(x, { training: true, seed })`.
 *
 * @throws ArgumentError for a `rate` out of range.
 *
 * @example
 * const drop = new DropPath({ rate: 0.5, name: 'drop' });
 * const branch = tf.ones([4, 1]); // four samples
 * console.log((drop.apply(branch) as tf.Tensor).arraySync()); // [ [ 1 ], [ 1 ], [ 1 ], [ 1 ] ]
 * const dropped = drop.apply(branch, { training: true, seed: 1 }) as tf.Tensor;
 * console.log(dropped.arraySync()); // [ [ 2 ], [ 0 ], [ 2 ], [ 0 ] ]
 *
 * Source: Huang et al., arXiv 1603.09382. Provenance: baseline.
 */
export class DropPath extends BtnLayer {
  static readonly className = 'DropPath';
  private readonly rate: number;

  constructor(config: DropPathConfig) {
    super(config);
    this.rate = config.rate;
    if (!(this.rate >= 0 && this.rate < 1)) {
      throw new ArgumentError(`DropPath: rate must be in [0, 1), not ${this.rate}`);
    }
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs?: Kwargs): tf.Tensor {
    return tf.tidy(() => {
      const x = onlyTensor(inputs);
      if (this.rate === 0 || !isTraining(kwargs)) return tf.clone(x);
      const shape = [x.shape[0]!, ...Array<number>(x.rank - 1).fill(1)];
      return tf.mul(x, dropoutMask(shape, { rate: this.rate, ...callMask(this.name, kwargs) }));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), rate: this.rate };
  }
}
tf.serialization.registerClass(DropPath);
