type Elements = Float32Array | Uint8Array | Uint16Array | Uint32Array;

/**
 * Copies elements that lie `strides` apart into row-major order.
 *
 * @param target filled whole; of the type of `source` and of `shape`'s size.
 * @param strides in elements, for each dimension.
 */
export function gatherElements<T extends Elements>(
  source: T,
  target: T,
  shape: readonly number[],
  strides: readonly number[],
): void {
  const width = shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 1;
  const index = shape.map(() => 0);
  let begin = 0;
  for (let to = 0; to < target.length; to += width) {
    for (let i = 0, from = begin; i < width; i++, from += step) target[to + i] = source[from]!;
    begin = nextRow(index, shape, strides, begin);
  }
}

/** Steps `index` to the next row, counting all but the last dimension. @returns where it begins. */
function nextRow(
  index: number[],
  shape: readonly number[],
  strides: readonly number[],
  begin: number,
): number {
  let next = begin;
  for (let d = shape.length - 2; d >= 0; d--) {
    index[d]! += 1;
    next += strides[d]!;
    if (index[d]! < shape[d]!) break;
    next -= shape[d]! * strides[d]!;
    index[d] = 0;
  }
  return next;
}
