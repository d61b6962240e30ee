import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../ops/gelu.js';
import { linear } from '../ops/linear.js';
import { checkNumber } from '../ops/number_check.js';
import {
  BtnLayer,
  knownSize,
  type LayerShape,
  onlyTensor,
  type SeededConfig,
  shapeList,
  type Weight,
  zeros,
} from './btn_layer.js';

/** Config of `Mlp`. */
export interface MlpConfig extends SeededConfig {
  /** Hidden width over input width. Default 4. */
  ratio?: number;
}

/**
 * The feed-forward part of a transformer: `gelu(x·W1 + b1)·W2 + b2`, with the exact GELU.
 *
 * Input and output: `[B, ..., D]`.
 *
 * @throws ArgumentError when the ratio is not above 0, or D is not known as the layer is built.
 *
 * @example
 * const tokens = tfl.input({ shape: [49, 64] });
 * const mlp = new Mlp({ ratio: 4 }); // 64 → 256 → 64
 * const fed = mlp.apply(tokens) as tfl.SymbolicTensor;
 * console.log(fed.shape, mlp.countParams()); // [ null, 49, 64 ] 33088
 *
 * Provenance: baseline.
 */
export class Mlp extends BtnLayer {
  static readonly className = 'Mlp';
  private readonly ratio: number;
  private kernel1!: Weight;
  private bias1!: Weight;
  private kernel2!: Weight;
  private bias2!: Weight;

  constructor(config: MlpConfig = {}) {
    super(config);
    this.ratio = config.ratio ?? 4;
    checkNumber('Mlp', 'ratio', this.ratio, { above: 0 });
  }

  override build(inputShape: LayerShape): void {
    const width = knownSize('Mlp', shapeList(inputShape)[0]!, -1);
    const hidden = Math.round(width * this.ratio);
    this.kernel1 = this.weight('kernel1', [width, hidden], this.leCunNormal(0));
    this.bias1 = this.weight('bias1', [hidden], zeros());
    this.kernel2 = this.weight('kernel2', [hidden, width], this.leCunNormal(1));
    this.bias2 = this.weight('bias2', [width], zeros());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const hidden = gelu(linear(onlyTensor(inputs), this.kernel1.read(), this.bias1.read()));
      return linear(hidden, this.kernel2.read(), this.bias2.read());
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ratio: this.ratio };
  }
}
tf.serialization.registerClass(Mlp);
