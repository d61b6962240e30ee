/**
 * Yields the results of `begin(0)`, `begin(1)`, … in order, while up to `ahead` later ones are under way.
 *
 * @throws What a `begin` throws, when its turn comes.
 */
export async function* inOrder<T>(
  count: number,
  ahead: number,
  begin: (index: number) => Promise<T>,
): AsyncGenerator<T> {
  const begun: Promise<T>[] = [];
  let next = 0;
  const fill = (most: number) => {
    while (begun.length < most && next < count) {
      const promise = begin(next++);
      // Reported when it is awaited. Until then, Node would end the process for it.
      promise.catch(() => undefined);
      begun.push(promise);
    }
  };
  fill(1);
  while (begun.length > 0) {
    const result = await begun.shift()!;
    fill(ahead);
    yield result;
  }
}
