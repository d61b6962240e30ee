import * as tf from '@tensorflow/tfjs-core';

/**
 * Relative position bias between all pairs of pixels of a w × w map.
 *
 * @param table `[(2w−1)², heads]`, indexed `(Δrow + w−1)·(2w−1) + (Δcol + w−1)`, Δ being query
 *   position − key position.
 * @param side w
 * @returns `[heads, w², w²]`, query by key, positions row by row.
 *
 * Source: Liu et al., Swin Transformer, arXiv 2103.14030, as used in POSTER V2.
 * Provenance: baseline.
 */
export function relativePositionBias(table: tf.Tensor, side: number): tf.Tensor3D {
  return tf.tidy(() => {
    const positions = side * side;
    const heads = table.shape[1]!;
    const pairs = tf.gather(table, tf.tensor1d(relativePositionIndex(side), 'int32'));
    return tf.reshape(tf.transpose(pairs), [heads, positions, positions]);
  });
}

const indexOfSide = new Map<number, Int32Array>();

/** Row of the table for each pair (query, key); the same for every map of one side. */
export function relativePositionIndex(side: number): Int32Array {
  let index = indexOfSide.get(side);
  if (index === undefined) {
    index = computeIndex(side);
    indexOfSide.set(side, index);
  }
  return index;
}

function computeIndex(side: number): Int32Array {
  const positions = side * side;
  const index = new Int32Array(positions * positions);
  for (let query = 0; query < positions; query++) {
    for (let key = 0; key < positions; key++) {
      const rowDistance = Math.floor(query / side) - Math.floor(key / side);
      const columnDistance = (query % side) - (key % side);
      index[query * positions + key] =
        (rowDistance + side - 1) * (2 * side - 1) + (columnDistance + side - 1);
    }
  }
  return index;
}
