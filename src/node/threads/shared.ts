/** Float arrays that threads share, all in one buffer. */
export function sharedArrays(sizes: readonly number[]): Float32Array[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const buffer = new SharedArrayBuffer(4 * Math.max(total, 1));
  let from = 0;
  return sizes.map((size) => {
    const array = new Float32Array(buffer, 4 * from, size);
    from += size;
    return array;
  });
}
