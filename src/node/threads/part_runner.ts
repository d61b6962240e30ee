/** What one thread does with the parts of a batch. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { splitAtBatch } from '../../models/split_at_batch.js';
import { carriedOn, encodeUnmoved } from '../../training/cached_gradients.js';
import { partsOf, trainableVariables } from '../../training/step.js';
import { counters, type GradientShare } from './messages.js';

export interface PartRunner {
  /** How many parts the batch has. */
  readonly count: number;
  /** Encodes a part, with no tape, and writes down its encodings. */
  encode(part: number): void;
  /**
   * Encodes a part with a tape, writes down its encodings, carries the gradients of these on to the weights and
   * adds them when all later parts have added theirs.
   *
   * @param wait Called between the two: returns when the gradients of the encodings are there.
   * @returns Which trainable weights the encoder reaches.
   */
  carry(part: number, wait?: () => void): boolean[];
}

/**
 * Runs the parts of a batch whose gradients threads share.
 *
 * @param network With the weights of the job.
 */
export function partRunner(network: LayersModel, share: GradientShare): PartRunner {
  const { images, imageShape, microBatch, seed, control } = share;
  const split = splitAtBatch(network);
  const parts = partsOf(imageShape[0], microBatch);
  const imageSize = imageShape[1] * imageShape[2] * imageShape[3];
  const widths = split.encodingShapes.map((shape) => tf.util.sizeFromShape([...shape]));
  const variables = Object.values(trainableVariables(network));
  const statistics = network.nonTrainableWeights.map((weight) => weight.read() as tf.Variable);

  function encoded(part: number): tf.Tensor[] {
    const [firstSample, count] = parts[part]!;
    const values = images.subarray(firstSample * imageSize, (firstSample + count) * imageSize);
    const shape = [count, ...imageShape.slice(1)] as [number, number, number, number];
    return split.encode(tf.tensor4d(values, shape), { training: true, seed, firstSample });
  }

  /** Writes down where a part leaves the statistics. */
  function record(part: number): (index: number) => void {
    return (index) => {
      const from = statistics.slice(0, index).reduce((sum, { size }) => sum + size, 0);
      share.statistics[part]!.set(statistics[index]!.dataSync(), from);
    };
  }

  function slot(arrays: readonly Float32Array[], part: number, i: number): Float32Array {
    const [first, count] = parts[part]!;
    return arrays[i]!.subarray(first * widths[i]!, (first + count) * widths[i]!);
  }

  function write(part: number, tensors: readonly tf.Tensor[]): void {
    tensors.forEach((tensor, i) => {
      slot(share.encodings, part, i).set(tensor.dataSync());
    });
  }

  function cotangents(part: number): tf.Tensor[] {
    const count = parts[part]![1];
    return split.encodingShapes.map((shape, i) =>
      tf.tensor(slot(share.cotangents, part, i), [count, ...shape]),
    );
  }

  function encode(part: number): void {
    tf.tidy(() =>
      write(
        part,
        encodeUnmoved(statistics, () => encoded(part)),
      ),
    );
  }

  function carry(part: number, wait: () => void = () => undefined): boolean[] {
    return tf.tidy(() => {
      const encodeAndWait = () => {
        const tensors = encodeUnmoved(statistics, () => encoded(part), record(part));
        write(part, tensors);
        wait();
        return tensors;
      };
      const found = carriedOn(variables, encodeAndWait, () => cotangents(part));
      const position = parts.length - 1 - part;
      waitFor(control, position);
      for (const [i, gradient] of found.entries()) {
        if (!gradient) continue;
        addTo(share.gradients[i]!, gradient.dataSync() as Float32Array, position === 0);
      }
      Atomics.add(control, counters.turn, 1);
      Atomics.notify(control, counters.turn);
      return found.map((gradient) => gradient !== null) as unknown as tf.TensorContainer;
    }) as unknown as boolean[];
  }

  return { count: parts.length, encode, carry };
}

/** Waits until so many parts have added their gradients. */
function waitFor(control: Int32Array, turn: number): void {
  for (let now = Atomics.load(control, counters.turn); now !== turn; ) {
    Atomics.wait(control, counters.turn, now);
    now = Atomics.load(control, counters.turn);
  }
}

function addTo(sum: Float32Array, terms: Float32Array, isFirst: boolean): void {
  if (isFirst) sum.set(terms);
  else for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + terms[i]!;
}
