/** What the network makes of each face alone is kept, so that a change of the batch costs what changed. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { batchAttentionWeights, splitAtBatch } from 'btn-layers/models';
import { normalise, probabilitiesOf } from 'btn-layers/training';
import type { Probabilities, Reading } from '../protocol.js';

/** Of one face: each tensor without the axis of samples. */
export type Encoding = Float32Array[];

/** Faces run together. */
const atOnce = 8;

/** Runs faces through the network, each on its own. @param images Each `[size, size, 3]`. */
export async function encodeFaces(
  model: LayersModel,
  images: readonly Uint8Array[],
  size: number,
): Promise<Encoding[]> {
  const encodings: Encoding[] = [];
  for (let first = 0; first < images.length; first += atOnce) {
    const part = images.slice(first, first + atOnce);
    const tensors = tf.tidy(() => {
      const values = part.map((pixels) =>
        tf.tensor3d(normalise({ pixels, size }), [size, size, 3]),
      );
      return splitAtBatch(model).encode(tf.stack(values), { training: false });
    });
    // Not dataSync, which webgpu cannot do in a worker.
    const values = await Promise.all(tensors.map((tensor) => tensor.data()));
    tf.dispose(tensors);
    encodings.push(
      ...part.map((_, i) =>
        values.map((all) => {
          const length = all.length / part.length;
          return all.slice(i * length, (i + 1) * length) as Float32Array;
        }),
      ),
    );
  }
  return encodings;
}

/** What the network makes of a batch, from what it made of each face. */
export async function combineFaces(
  model: LayersModel,
  encodings: readonly Encoding[],
): Promise<Reading> {
  const { combine, encodingShapes } = splitAtBatch(model);
  const { logits, attention } = tf.tidy(() => {
    const batch = encodingShapes.map((shape, i) =>
      tf.stack(encodings.map((encoding) => tf.tensor(encoding[i]!, [...shape]))),
    );
    return {
      logits: combine(batch, { training: false }),
      attention: batchAttentionWeights(model, batch),
    };
  });
  try {
    const probabilities = await Promise.all(
      Object.entries(logits).map(async ([name, tensor]) => [
        name,
        rowsOf(await tensor.data(), tensor.shape[1]!),
      ]),
    );
    return {
      probabilities: Object.fromEntries(probabilities) as Probabilities,
      ...(attention && { attention: await attention.array() }),
    };
  } finally {
    tf.dispose([...Object.values(logits), ...(attention ? [attention] : [])]);
  }
}

function rowsOf(logits: ArrayLike<number>, classes: number): number[][] {
  const all = probabilitiesOf(logits, classes);
  return Array.from({ length: all.length / classes }, (_, i) => [
    ...all.subarray(i * classes, (i + 1) * classes),
  ]);
}
