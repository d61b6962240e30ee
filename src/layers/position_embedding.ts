import * as tf from '@tensorflow/tfjs-core';
import { initializers } from '@tensorflow/tfjs-layers';
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

/** Config of `PositionEmbedding`. */
export interface PositionEmbeddingConfig extends SeededConfig {
  /** Standard deviation of the truncated normal at the start. Default 0.02. */
  initialScale?: number;
}

/**
 * Adds a learned position to each token.
 *
 * Input and output: `[B, N, D]`. Weight: embedding `[1, N, D]`.
 *
 * @throws ArgumentError when N or D is not known as the layer is built.
 *
 * @example
 * const tokens = tfl.input({ shape: [50, 64] });
 * const embedding = new PositionEmbedding();
 * const placed = embedding.apply(tokens) as tfl.SymbolicTensor;
 * console.log(placed.shape, embedding.countParams()); // [ null, 50, 64 ] 3200
 *
 * Source: Dosovitskiy et al., arXiv 2010.11929. Provenance: baseline.
 */
export class PositionEmbedding extends BtnLayer {
  static readonly className = 'PositionEmbedding';
  private readonly initialScale: number;
  private embedding!: Weight;

  constructor(config: PositionEmbeddingConfig = {}) {
    super(config);
    this.initialScale = config.initialScale ?? 0.02;
  }

  override build(inputShape: LayerShape): void {
    const [shape] = shapeList(inputShape);
    const sizes = [1, 2].map((axis) => knownSize('PositionEmbedding', shape!, axis));
    const initial = initializers.truncatedNormal({
      stddev: this.initialScale,
      ...seedArg(nthSeed(this.seed, 0)),
    });
    this.embedding = this.weight('embedding', [1, ...sizes], initial);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.add(onlyTensor(inputs), this.embedding.read());
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), initialScale: this.initialScale };
  }
}
tf.serialization.registerClass(PositionEmbedding);
