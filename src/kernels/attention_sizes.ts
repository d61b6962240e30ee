/** Both ops of attention as one computation: what the kernels of each backend are made for. */
import type { TensorInfo } from '@tensorflow/tfjs-core';

export interface AttentionSizes {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  /** Features of a head's query and key. */
  readonly depth: number;
  /** Features of a head's value. */
  readonly width: number;
  /** Factor of the scores. */
  readonly scale: number;
}

/** Whether there is nothing to attend to or from, so that results are zeros. */
export function isEmpty(sizes: AttentionSizes): boolean {
  const { batch, heads, queries, keys, depth, width } = sizes;
  return batch * heads * queries * keys * depth * width === 0;
}

/**
 * The samples of a batch attend to each other, class by class: multi-head attention of one sequence,
 * its tokens being the samples and its heads the classes, whose values have one feature.
 */
export function classBatchSizes(
  samples: number,
  classes: number,
  features: number,
  scale: number,
): AttentionSizes {
  const [batch, width] = [1, 1];
  return { batch, heads: classes, queries: samples, keys: samples, depth: features, width, scale };
}

/** @param operands Query, key and value, `[batch, tokens, heads · features]`. */
export function multiHeadSizes(
  { query, key, value }: Readonly<Record<'query' | 'key' | 'value', TensorInfo>>,
  { numHeads, scale }: { readonly numHeads: number; readonly scale: number },
): AttentionSizes {
  const [batch, queries, queryWidth] = query.shape as [number, number, number];
  return {
    batch,
    heads: numHeads,
    queries,
    keys: key.shape[1]!,
    depth: queryWidth / numHeads,
    width: value.shape[2]! / numHeads,
    scale,
  };
}
