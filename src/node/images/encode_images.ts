import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { splitAtBatch } from '../../models/split_at_batch.js';
import { flipHorizontally, type Images, normalise } from '../../training/augmentation.js';
import { probabilitiesOf } from '../../training/metrics.js';
import { UserError } from '../user_error.js';

/** Logits or probabilities by output, `[n, C]` each. */
export type Outputs<T> = { vit: T; bt?: T; cba?: T };

/** What a network makes of images one by one, from which it computes the outputs of any batch of them. */
export interface Encodings {
  /** Which of the tensors are the logits `vit`. */
  vit: number;
  /** Of each tensor, the shape of one image's part. */
  shapes: number[][];
  /** Of each tensor, `[n, ...shape]`. */
  values: Float32Array[];
}

/** The usable images of a source, each run through the network. */
export interface SeenImages {
  /** Positions in the source. Shape [n]. */
  indices: number[];
  /** Shape [n]. */
  labels: number[];
  /** Of the images, and of their mirror images where those count. */
  views: Encodings[];
}

/** See `encodeImages`, which a thread may do as well. */
export type Encode = (images: Images) => Promise<Encodings>;

/**
 * Probabilities `[n, C]` of `vit`.
 *
 * @param flipAverage Whether each is the mean of the image's and its mirror image's.
 * @throws UserError when an output is not a number.
 */
export async function vitProbabilities(
  encode: Encode,
  images: Images,
  flipAverage = false,
): Promise<Float64Array> {
  const each = await Promise.all(
    viewsOf(images, flipAverage).map(async (view) => encodedProbabilities(await encode(view))),
  );
  return meanOf(each);
}

/** Probabilities `[n, C]` of `vit`. @throws UserError when an output is not a number. */
export function encodedProbabilities({ vit, shapes, values }: Encodings): Float64Array {
  checkFinite(values[vit]!);
  return probabilitiesOf(values[vit]!, shapes[vit]![0]!);
}

/** The images, and with `flipAverage` their mirror images. */
export function viewsOf(images: Images, flipAverage: boolean): Images[] {
  return flipAverage ? [images, mirrored(images)] : [images];
}

/** As far as a network goes with each image on its own: it depends on nothing but the image. */
export async function encodeImages(model: LayersModel, images: Images): Promise<Encodings> {
  const { encode, encodedOutputs } = splitAtBatch(model);
  const tensors = tf.tidy(() => encode(tensorOf(images), { training: false }));
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  tf.dispose(tensors);
  return {
    vit: encodedOutputs.vit!,
    shapes: tensors.map(({ shape }) => shape.slice(1)),
    values: values as Float32Array[],
  };
}

/** The encodings of several batches as of one, in order. */
export function joinEncodings(parts: readonly Encodings[]): Encodings {
  const { vit, shapes } = parts[0]!;
  return {
    vit,
    shapes,
    values: shapes.map((_, i) => concatenated(parts.map(({ values }) => values[i]!))),
  };
}

/**
 * The outputs of a batch of encoded images.
 *
 * @param indices Which images make up the batch, in order.
 * @throws UserError when an output is not a number.
 */
export async function combineEncodings(
  model: LayersModel,
  encodings: Encodings,
  indices: readonly number[],
): Promise<Outputs<Float32Array>> {
  const tensors = tf.tidy(() =>
    splitAtBatch(model).combine(batchOf(encodings, indices), { training: false }),
  );
  return readLogits(tensors as unknown as Outputs<tf.Tensor>);
}

/** The encodings of some images as tensors. */
export function batchOf({ shapes, values }: Encodings, indices: readonly number[]): tf.Tensor[] {
  return shapes.map((shape, i) =>
    tf.tensor(rowsOf(values[i]!, shape, indices), [indices.length, ...shape]),
  );
}

export function numClassesOf({ outputs }: LayersModel): number {
  return outputs[0]!.shape[1]!;
}

/** The mean of arrays of equal length, value by value. */
function meanOf(arrays: readonly Float64Array[]): Float64Array {
  return arrays[0]!.map((_, i) => arrays.reduce((sum, a) => sum + a[i]!, 0) / arrays.length);
}

function tensorOf({ pixels, size }: Images): tf.Tensor4D {
  const count = pixels.length / (size * size * 3);
  return tf.tensor4d(normalise({ pixels, size }), [count, size, size, 3]);
}

function mirrored({ pixels, size }: Images): Images {
  const out = pixels.slice();
  const imageLength = size * size * 3;
  for (let start = 0; start < out.length; start += imageLength) {
    flipHorizontally(out.subarray(start, start + imageLength), size);
  }
  return { pixels: out, size };
}

/** Reads the outputs and disposes of them. */
async function readLogits(tensors: Outputs<tf.Tensor>): Promise<Outputs<Float32Array>> {
  const entries = await Promise.all(
    Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.data()] as const),
  );
  tf.dispose(Object.values(tensors));
  for (const [, values] of entries) checkFinite(values as Float32Array);
  return Object.fromEntries(entries) as unknown as Outputs<Float32Array>;
}

/** No class could be told from what is not a number: each such image would count as the first. */
function checkFinite(logits: Float32Array): void {
  const wrong = logits.find((value) => !Number.isFinite(value));
  if (wrong === undefined) return;
  throw new UserError(
    'Diverged',
    `the network's output is ${wrong}: its weights are ruined, as by too large a --lr`,
  );
}

function concatenated(arrays: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

function rowsOf(
  values: Float32Array,
  shape: readonly number[],
  indices: readonly number[],
): Float32Array {
  const length = shape.reduce((product, side) => product * side, 1);
  const out = new Float32Array(indices.length * length);
  indices.forEach((index, i) => {
    out.set(values.subarray(index * length, (index + 1) * length), i * length);
  });
  return out;
}
