import * as tf from '@tensorflow/tfjs-core';
import { addScaled } from '../ops/add_scaled.js';

/** A part of a batch, encoded anew at each call, each time alike: `[m, ...]` each. */
export type EncodePart = () => tf.Tensor[];

/** What `cachedGradients` computed. */
export interface CachedGradients {
  /** The loss. */
  value: tf.Scalar;
  /** Of each variable; null where the loss does not depend on it. */
  gradients: (tf.Tensor | null)[];
}

/**
 * The gradients of a loss over a whole batch, with the memory of one part of it: gradient caching.
 *
 * A loss that compares the samples of a batch, as batch attention and contrastive losses do, cannot be
 * summed over parts. But it needs little of each sample. So all parts but the last are encoded
 * without a tape, and the last with one; the loss over the encodings of all gives the gradient of each
 * encoding; then the other parts, from the last but one to the first, are encoded once more, with a
 * tape, and the gradient of their encoding is carried on to the variables.
 *
 * Exact up to rounding. It costs one more forward pass of all parts but one. The tensors that it
 * returns are the caller's to dispose; it leaves no other behind, unless `loss` or a part throws: then
 * TensorFlow.js does not free its tape.
 *
 * @param variables What to differentiate by.
 * @param parts Encode one part of the batch each. Random masks must be those of the first call.
 * @param loss From encodings of the whole batch, in its order: `[B, ...]` each.
 * @param statistics Variables that encoding moves, such as running averages. Every part finds them as
 *   they were, and they end at the mean of where the parts leave them, by their samples: a step moves
 *   them once.
 *
 * @example
 * const w = tf.variable(tf.scalar(3));
 * const batch = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])]; // four samples in two parts
 * const parts = batch.map((x) => () => [tf.mul(x, w)]);
 * const variance = ([z]: tf.Tensor[]) => tf.mean(tf.square(tf.sub(z, tf.mean(z)))) as tf.Scalar;
 * const { value, gradients } = cachedGradients([w], parts, variance); // w² · 1.25
 * console.log(value.dataSync()[0], gradients[0]?.dataSync()[0]); // 11.25 7.5
 *
 * Source: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup",
 * arXiv 2101.06983. Provenance: an option, not in the authors' recipe.
 */
export function cachedGradients(
  variables: readonly tf.Variable[],
  parts: readonly EncodePart[],
  loss: (encodings: tf.Tensor[]) => tf.Scalar,
  statistics: readonly tf.Variable[] = [],
): CachedGradients {
  const averages = averagesOf(statistics);
  try {
    return tf.tidy(() => {
      const first = parts.slice(0, -1).map((encode) => averages.unmoved(() => tf.tidy(encode)));
      const { value, gradients, cotangents } = differentiateLast(
        variables,
        first,
        () => averages.moved(parts.at(-1)!),
        loss,
      );
      let sum = gradients;
      for (let i = first.length - 1; i >= 0; i--) {
        const encode = () => averages.moved(parts[i]!);
        sum = added(
          sum,
          carriedOn(variables, encode, () => cotangents[i]!),
        );
      }
      averages.settle();
      return { value, gradients: sum } as unknown as tf.TensorContainerObject;
    }) as unknown as CachedGradients;
  } finally {
    averages.dispose();
  }
}

/**
 * The gradient of each variable where that of an encoding is known: a vector-Jacobian product.
 *
 * @param cotangentsOf Asked after `encode`: gradient of the loss by each tensor that it returned, or null.
 */
export function carriedOn(
  variables: readonly tf.Variable[],
  encode: EncodePart,
  cotangentsOf: () => readonly (tf.Tensor | null)[],
): (tf.Tensor | null)[] {
  return differentiate(variables, () => {
    const encoded = encode();
    const cotangents = cotangentsOf();
    const terms = encoded.flatMap((tensor, i) =>
      cotangents[i] ? [tf.sum(tf.mul(tensor, cotangents[i]))] : [],
    );
    return tf.addN(terms) as tf.Scalar;
  }).gradients;
}

/** The sum of two lists of gradients; frees the terms. */
export function added(
  a: readonly (tf.Tensor | null)[],
  b: readonly (tf.Tensor | null)[],
): (tf.Tensor | null)[] {
  return a.map((left, i) => {
    const right = b[i] ?? null;
    if (!left || !right) return left ?? right;
    const sum = tf.add(left, right);
    tf.dispose([left, right]);
    return sum;
  });
}

/** Loss and gradients by what the last part holds, and the gradient of every other encoding. */
function differentiateLast(
  variables: readonly tf.Variable[],
  first: readonly tf.Tensor[][],
  encodeLast: EncodePart,
  loss: (encodings: tf.Tensor[]) => tf.Scalar,
) {
  const { value, gradients } = differentiate([...first.flat(), ...variables], () =>
    loss(concatenated([...first, encodeLast()])),
  );
  const width = first[0]?.length ?? 0;
  const cotangents = first.map((_, i) => gradients.slice(i * width, (i + 1) * width));
  return { value, cotangents, gradients: gradients.slice(first.length * width) };
}

/** Joins the parts of each tensor. */
export function concatenated(parts: readonly tf.Tensor[][]): tf.Tensor[] {
  if (parts.length === 1) return [...parts[0]!];
  return parts[0]!.map((_, i) => tf.concat(parts.map((tensors) => tensors[i]!)));
}

function differentiate(by: readonly tf.Tensor[], f: () => tf.Scalar) {
  const { value, grads } = tf.engine().gradients(f, [...by], undefined, true);
  return {
    value: value as tf.Scalar,
    gradients: grads.map((gradient) => (gradient as tf.Tensor | undefined) ?? null),
  };
}

/**
 * Encodes a part and moves the statistics back to where they were.
 *
 * @param onMoved Called with the index of each statistic that was moved, before it is moved back.
 */
export function encodeUnmoved(
  statistics: readonly tf.Variable[],
  encode: EncodePart,
  onMoved: (index: number, encoded: tf.Tensor[]) => void = () => undefined,
): tf.Tensor[] {
  const before = statistics.map((variable) => tf.clone(variable));
  const ids = statistics.map(({ dataId }) => dataId);
  const encoded = encode();
  for (const [i, variable] of statistics.entries()) {
    if (variable.dataId === ids[i]) continue;
    onMoved(i, encoded);
    variable.assign(before[i]!);
  }
  return encoded;
}

/** Gathers where the parts leave the statistics that they move. */
function averagesOf(statistics: readonly tf.Variable[]) {
  /** Mean over the parts so far of where they left a statistic. */
  const means = new Map<number, tf.Tensor>();
  let samples = 0;
  return {
    unmoved: (encode: EncodePart) => encodeUnmoved(statistics, encode),
    moved(encode: EncodePart): tf.Tensor[] {
      const encoded = encodeUnmoved(statistics, encode, (i, tensors) => {
        const count = tensors[0]!.shape[0]!;
        const mean = means.get(i);
        const left = tf.clone(statistics[i]!);
        means.set(i, tf.keep(mean ? towards(mean, left, count / (samples + count)) : left));
        mean?.dispose();
      });
      samples += encoded[0]!.shape[0]!;
      return encoded;
    },
    settle(): void {
      for (const [i, mean] of means) statistics[i]!.assign(mean);
    },
    dispose: () => tf.dispose([...means.values()]),
  };
}

/** Moves a mean towards a value by a share. */
export function towards(from: tf.Tensor, to: tf.Tensor, share: number): tf.Tensor {
  return addScaled(from, to, share, 1 - share);
}
