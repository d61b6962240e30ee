import * as tf from '@tensorflow/tfjs-core';
import { addScaled } from '../ops/add_scaled.js';
import { batchNorm, batchNormWith } from '../ops/batch_norm.js';
import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import {
  BtnLayer,
  isTraining,
  type Kwargs,
  knownSize,
  type LayerConfig,
  type LayerShape,
  ones,
  onlyTensor,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/** Config of `BtnBatchNorm`. */
export interface BtnBatchNormConfig extends LayerConfig {
  /** Added to the variance. Default 1e-5, as in PyTorch. */
  epsilon?: number;
  /** Share of the old running average that stays: Keras' meaning, 1 − PyTorch's. Default 0.9. */
  momentum?: number;
  /**
   * Which statistics a layer with `trainable: false` uses in training. `running` (default) is an
   * honest freeze: nothing changes. `batch` is what the authors' code does to its frozen landmark
   * network: batch statistics, and running averages that move.
   */
  frozenStatistics?: 'running' | 'batch';
}

/**
 * Batch normalisation over all axes but the last, as PyTorch's BatchNorm computes it: ε 1e-5, the
 * running variance unbiased, and a layer that is not trainable left alone.
 *
 * Input and output: `[B, ..., C]`. Weights: gamma, beta, movingMean, movingVariance, each `[C]`.
 *
 * @throws ArgumentError for a momentum that is not from 0 to 1 and a negative epsilon; in training with one value per channel, which has no unbiased variance.
 *
 * @example
 * const norm = new BtnBatchNorm({ momentum: 0.75 });
 * norm.apply(tf.tensor2d([[4, 10], [12, 30]]), { training: true }); // two samples, two channels
 * const [movingMean, movingVariance] = norm.nonTrainableWeights;
 * console.log(movingMean.read().arraySync()); // [ 2, 5 ]
 * console.log(movingVariance.read().arraySync()); // [ 8.75, 50.75 ]
 *
 * Source: Ioffe and Szegedy, arXiv 1502.03167. Provenance: baseline (POSTER V2 uses PyTorch's).
 */
export class BtnBatchNorm extends BtnLayer {
  static readonly className = 'BtnBatchNorm';
  private readonly config: Required<Omit<BtnBatchNormConfig, keyof LayerConfig>>;
  private gamma!: Weight;
  private beta!: Weight;
  private movingMean!: Weight;
  private movingVariance!: Weight;

  constructor(config: BtnBatchNormConfig = {}) {
    super(config);
    this.config = {
      epsilon: config.epsilon ?? 1e-5,
      momentum: config.momentum ?? 0.9,
      frozenStatistics: config.frozenStatistics ?? 'running',
    };
    checkNumber('BtnBatchNorm', 'epsilon', this.config.epsilon, { from: 0 });
    checkNumber('BtnBatchNorm', 'momentum', this.config.momentum, { from: 0, to: 1 });
  }

  override build(inputShape: LayerShape): void {
    const size = [knownSize('BtnBatchNorm', shapeList(inputShape)[0]!, -1)];
    this.gamma = this.weight('gamma', size, ones());
    this.beta = this.weight('beta', size, zeros());
    this.movingMean = this.weight('movingMean', size, zeros(), false);
    this.movingVariance = this.weight('movingVariance', size, ones(), false);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs?: Kwargs): tf.Tensor {
    return tf.tidy(() => {
      const x = onlyTensor(inputs);
      const [gamma, beta] = [this.gamma.read(), this.beta.read()];
      const { epsilon, frozenStatistics } = this.config;
      if (!isTraining(kwargs) || (!this.trainable && frozenStatistics === 'running')) {
        const [mean, variance] = [this.movingMean.read(), this.movingVariance.read()];
        return batchNormWith(x, gamma, beta, mean, variance, epsilon);
      }
      const count = x.size / gamma.size;
      if (count < 2) {
        throw new ArgumentError(
          `BtnBatchNorm ${this.name}: training needs more than one value per channel, ` +
            `but its input is [${x.shape.join(', ')}]`,
        );
      }
      const { output, mean, variance } = batchNorm(x, gamma, beta, epsilon);
      this.average(this.movingMean, mean, 1);
      this.average(this.movingVariance, variance, count / (count - 1));
      return output;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.config };
  }

  private average(statistic: Weight, value: tf.Tensor, factor: number): void {
    const { momentum } = this.config;
    statistic.write(addScaled(statistic.read(), value, factor * (1 - momentum), momentum));
  }
}
tf.serialization.registerClass(BtnBatchNorm);
