import type * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { ArgumentError } from '../ops/errors.js';
import { TensorflowCopiesError } from '../ops/one_tensorflow.js';
import '../kernels/index.js';
import { hashText, mixSeeds } from '../ops/seeds.js';
import { formatShape, type Shape } from '../ops/shape_check.js';

/** What every layer accepts: `name`, `trainable`, `inputShape`, … */
export type LayerConfig = NonNullable<ConstructorParameters<typeof layers.Layer>[0]>;

/** Config of a layer whose weights start from random values. */
export interface SeededConfig extends LayerConfig {
  /** Seed of the initial weights; random when absent. */
  seed?: number;
}

export type Tensors = tf.Tensor | tf.Tensor[];
/** Shape of the one input of a layer, or of each. */
export type LayerShape = Shape | Shape[];
/** Arguments of a call besides its inputs, such as `training`. */
export type Kwargs = Record<string, unknown>;
/** Makes the values that a weight starts from. */
export type Initializer = ReturnType<typeof initializers.zeros>;
/** A weight of a layer. */
export type Weight = ReturnType<layers.Layer['addWeight']>;

/**
 * What our layers share. Keras masks, which pass from a first input to all layers behind it, are
 * ignored: where a layer of ours has a mask, it is an input.
 */
export abstract class BtnLayer extends layers.Layer {
  /** Whether the output of a sample depends on the other samples, in training or not. */
  readonly mixesBatch: boolean = false;
  protected readonly seed: number | undefined;
  /** Set by the layer that this one is a part of, so that weight names stay unique. */
  private weightPrefix = '';
  private startsFromZeros = false;

  constructor(config: SeededConfig = {}) {
    super(config);
    this.seed = config.seed;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...(this.seed !== undefined && { seed: this.seed }) };
  }

  override apply(
    ...[inputs, kwargs]: Parameters<layers.Layer['apply']>
  ): ReturnType<layers.Layer['apply']> {
    for (const input of [inputs].flat()) {
      if ('sourceLayer' in input && !(input instanceof SymbolicTensor)) {
        throw new TensorflowCopiesError(
          `${this.getClassName()} was given the output of a layer of another copy of @tensorflow/tfjs-layers`,
        );
      }
    }
    return super.apply(inputs, kwargs);
  }

  /** As in TensorFlow.js: weights that are set right away start from zeros, which takes no time. */
  override setFastWeightInitDuringBuild(value: boolean): void {
    super.setFastWeightInitDuringBuild(value);
    this.startsFromZeros = value;
  }

  /** Adds a float32 weight; `trainable: false` for running statistics. */
  protected weight(name: string, shape: number[], initial: Initializer, trainable = true): Weight {
    return this.addWeight(
      this.weightPrefix + name,
      shape,
      'float32',
      initial,
      undefined,
      trainable,
    );
  }

  /** Builds layers that this one is made of and takes over their weights, named after the part. */
  protected buildParts(parts: Record<string, [part: BtnLayer, inputShape: LayerShape]>): void {
    for (const [name, [part, inputShape]] of Object.entries(parts)) {
      part.weightPrefix = `${this.weightPrefix}${name}/`;
      part.setFastWeightInitDuringBuild(this.startsFromZeros);
      part.build(inputShape);
    }
    this.trainableWeights = Object.values(parts).flatMap(([part]) => part.trainableWeights);
  }

  /** LeCun normal, variance 1 / inputs, seeded for the n-th weight: how projections start. */
  protected leCunNormal(n = 0): Initializer {
    return initializers.leCunNormal(seedArg(nthSeed(this.seed, n)));
  }

  /** A truncated normal, σ 0.02, seeded for the n-th weight: how embeddings start. */
  protected truncatedNormal(n = 0): Initializer {
    return initializers.truncatedNormal({ stddev: 0.02, ...seedArg(nthSeed(this.seed, n)) });
  }
}

export function isTraining(kwargs: Kwargs | undefined): boolean {
  return kwargs?.training === true;
}

export function onlyTensor(inputs: Tensors): tf.Tensor {
  return Array.isArray(inputs) ? inputs[0]! : inputs;
}

/** Shapes of all inputs, whether the layer was given one or a list. */
export function shapeList(inputShape: LayerShape): Shape[] {
  return Array.isArray(inputShape[0]) ? (inputShape as Shape[]) : [inputShape as Shape];
}

/** Size of an axis that must be known when the layer is built. @throws ArgumentError naming the axis. */
export function knownSize(layer: string, shape: Shape, axis: number): number {
  const size = shape.at(axis);
  if (size === null || size === undefined) {
    throw new ArgumentError(
      `${layer}: axis ${axis} of its input [${formatShape(shape)}] must be known`,
    );
  }
  return size;
}

export function zeros(): Initializer {
  return initializers.zeros();
}

export function ones(): Initializer {
  return initializers.ones();
}

/** `{ seed }` for an initializer; empty without a seed, for random values. */
export function seedArg(seed: number | undefined): { seed?: number } {
  return seed === undefined ? {} : { seed };
}

/** A seed for the n-th weight of a layer, never 0, which TensorFlow.js takes for none. */
export function nthSeed(seed: number | undefined, n: number): number | undefined {
  return seed === undefined ? undefined : mixSeeds(seed, n);
}

/**
 * What fixes one layer's random mask in one call. `model.apply(x, { training: true, seed })` makes every
 * mask repeatable without any state in the layers: the same seed gives the same masks. Where x is a
 * part of a batch, `firstSample` says where in the batch it begins.
 */
export function callMask(
  layerName: string,
  kwargs: Kwargs | undefined,
): { seed?: number; firstSample?: number } {
  const { seed, firstSample } = (kwargs ?? {}) as { seed?: number; firstSample?: number };
  return {
    ...(seed !== undefined && { seed: mixSeeds(seed, hashText(layerName)) }),
    ...(firstSample !== undefined && { firstSample }),
  };
}
