import * as tf from '@tensorflow/tfjs-core';
import { initializers } from '@tensorflow/tfjs-layers';
import { ArgumentError } from '../ops/errors.js';
import { linear } from '../ops/linear.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  nthSeed,
  onlyTensor,
  type SeededConfig,
  seedArg,
  shapeList,
  type Weight,
} from './btn_layer.js';

/** Config of `SqueezeExcite`. */
export interface SqueezeExciteConfig extends SeededConfig {
  /** Channels over hidden units. Default 16. */
  reduction?: number;
}

/**
 * A gate on channels from their spatial means: `x · sigmoid(W2·relu(W1·mean(x)))`, without biases.
 *
 * Input and output: `[B, H, W, C]`.
 *
 * @throws ArgumentError when C is less than `reduction`, or not known as the layer is built.
 *
 * @example
 * const map = tfl.input({ shape: [28, 28, 128] });
 * const gate = new SqueezeExcite({ reduction: 16 }); // 128 → 8 → 128
 * const gated = gate.apply(map) as tfl.SymbolicTensor;
 * console.log(gated.shape, gate.countParams()); // [ null, 28, 28, 128 ] 2048
 *
 * Source: Hu et al., arXiv 1709.01507. Provenance: baseline (mode `irSe` of IR-50).
 */
export class SqueezeExcite extends BtnLayer {
  static readonly className = 'SqueezeExcite';
  private readonly reduction: number;
  private kernel1!: Weight;
  private kernel2!: Weight;

  constructor(config: SqueezeExciteConfig = {}) {
    super(config);
    this.reduction = config.reduction ?? 16;
  }

  override build(inputShape: LayerShape): void {
    const channels = knownSize('SqueezeExcite', shapeList(inputShape)[0]!, -1);
    const hidden = Math.floor(channels / this.reduction);
    if (hidden < 1) {
      throw new ArgumentError(
        `SqueezeExcite: reduction ${this.reduction} leaves nothing of ${channels} channels`,
      );
    }
    const initial = (n: number) => initializers.glorotUniform(seedArg(nthSeed(this.seed, n)));
    this.kernel1 = this.weight('kernel1', [channels, hidden], initial(0));
    this.kernel2 = this.weight('kernel2', [hidden, channels], initial(1));
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = onlyTensor(inputs);
      const hidden = tf.relu(linear(tf.mean(x, [1, 2]), this.kernel1.read()));
      const gate = tf.sigmoid(linear(hidden, this.kernel2.read()));
      return tf.mul(x, tf.expandDims(tf.expandDims(gate, 1), 1));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), reduction: this.reduction };
  }
}
tf.serialization.registerClass(SqueezeExcite);
